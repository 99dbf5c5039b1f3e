// SPDX-License-Identifier: Apache-2.0
// kluis-audit witness: a witness of other people's logs, over HTTP. The logic is
// audit/witness/witness.h.
#include <fcntl.h>
#include <httplib.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <iostream>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "audit/tool/listening.h"
#include "audit/tool/verbs.h"
#include "audit/witness/witness.h"
#include "crypto/key_file.h"

namespace kluis::audit {
namespace {

constexpr int kKeepAliveSeconds = 2;  // also bounds how long SIGTERM waits for an idle client

struct WitnessOptions {
  Listening listening;
  std::string key;
  std::string name;
  std::string state;
  std::vector<std::string> logs;
  bool new_key = false;
};

// Holds a directory for this process, so that no second witness signs from the same state.
class DirectoryLock {
 public:
  explicit DirectoryLock(const std::string& path)
      : fd_(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    held_ = fd_ >= 0 && flock(fd_, LOCK_EX | LOCK_NB) == 0;
  }
  ~DirectoryLock() {
    if (fd_ >= 0) close(fd_);
  }
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

  bool held() const { return held_; }

 private:
  int fd_;
  bool held_ = false;
};

absl::StatusOr<crypto::SigningKey> TakeKey(const WitnessOptions& options) {
  if (options.new_key) {
    const absl::Status written =
        crypto::WriteSigningKey(crypto::SigningKey::Generate(), options.key);
    if (!written.ok()) return written;
  }
  return crypto::ReadSigningKey(options.key);
}

uint64_t NowUnix() {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(
                                   std::chrono::system_clock::now().time_since_epoch())
                                   .count());
}

void Route(httplib::Server& server, Witness& witness, std::mutex& output) {
  server.set_payload_max_length(kMaxAddCheckpointBytes);
  server.set_keep_alive_timeout(kKeepAliveSeconds);
  // The body is taken as it is, whatever Content-Type the log gives it.
  server.Post(std::string(kAddCheckpointPath),
              [&](const httplib::Request&, httplib::Response& response,
                  const httplib::ContentReader& read) {
                std::string body;
                read([&](const char* data, size_t size) {
                  body.append(data, size);
                  return body.size() <= kMaxAddCheckpointBytes;
                });
                const WitnessReply reply = witness.AddCheckpoint(body);
                response.status = reply.status;
                response.set_content(reply.body, reply.content_type);
                const std::lock_guard lock(output);
                std::cout << reply.status << " " << reply.summary << std::endl;
              });
}

// Serves until SIGTERM or SIGINT.
ExitCode Serve(Witness& witness, const base::HostPort& address) {
  const sigset_t ends = BlockEnds();
  signal(SIGPIPE, SIG_IGN);  // a log that closes early must not end the process

  httplib::Server server;
  std::mutex output;
  Route(server, witness, output);
  int port = address.port;
  if (port == 0) {
    port = server.bind_to_any_port(address.host);
  } else if (!server.bind_to_port(address.host, port)) {
    port = -1;
  }
  if (port < 0) {
    return Tell(absl::UnavailableError("witness: cannot listen on " + address.host), kDiffers);
  }
  std::cout << "key " << witness.key().ToString() << "\nport " << port << std::endl;

  std::atomic<bool> failed = false;
  std::thread serving([&] {
    failed = !server.listen_after_bind();
    kill(getpid(), SIGTERM);  // wakes the wait below when it was not a signal that ended it
  });
  int signal = 0;
  sigwait(&ends, &signal);
  // A signal may come before the loop runs, and stop() does nothing then.
  while (!server.is_running() && !failed) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  server.stop();
  serving.join();
  if (failed) return Tell(absl::UnavailableError("witness: serving failed"), kDiffers);
  return kVerified;
}

ExitCode RunWitness(const WitnessOptions& options) {
  const absl::StatusOr<base::HostPort> address = AddressOf(options.listening);
  if (!address.ok()) return Tell(address.status(), kUsage);
  Witness::Options settings{options.name, {}, options.state, &NowUnix};
  for (const std::string& text : options.logs) {
    absl::StatusOr<VerifierKey> log = ReadLogKey("--log", text);
    if (!log.ok()) return Tell(log.status(), kUsage);
    settings.logs.push_back(*std::move(log));
  }
  const DirectoryLock lock(options.state);
  if (!lock.held()) {
    return Tell(absl::FailedPreconditionError(options.state +
                                              ": not a directory, or another witness uses it"),
                kDiffers);
  }
  absl::StatusOr<crypto::SigningKey> key = TakeKey(options);
  if (!key.ok()) return Tell(key.status(), kUsage);
  const absl::StatusOr<std::unique_ptr<Witness>> witness =
      Witness::Open(std::move(settings), *std::move(key), crypto::RealFileSystem());
  if (!witness.ok()) {
    return Tell(witness.status(), absl::IsInvalidArgument(witness.status()) ? kUsage : kDiffers);
  }
  return Serve(**witness, *address);
}

}  // namespace

void AddWitnessVerb(base::Verb root, VerbResult& result) {
  auto [verb, options] = AddVerb<WitnessOptions>(
      root, result, "witness", "Witness logs: cosign each checkpoint that extends the last one",
      "Prints its own verifier key and its port, then one line per request; SIGTERM ends it.\n"
      "Example:\n"
      "  kluis-audit witness --listen 127.0.0.1:8080 --key witness.key --name witness.example/w1 "
      "\\\n"
      "    --state witness-state --log @vault.vkey\n",
      RunWitness);
  AddListening(verb, options->listening);
  verb.Text("--key", options->key, "The witness's signing key").Called("FILE").Required();
  verb.Flag("--new-key", options->new_key, "Make the key first; the file must not be there");
  verb.Text("--name", options->name, "The witness's name: a URL without schema").Required();
  verb.Text("--state", options->state, "A directory of its own for what it has cosigned")
      .Called("DIR")
      .ExistingDirectory()
      .Required();
  verb.Repeated("--log", options->logs, "A log's verifier key, or @FILE; may be repeated")
      .Called("VKEY|@FILE")
      .Required();
}

}  // namespace kluis::audit
