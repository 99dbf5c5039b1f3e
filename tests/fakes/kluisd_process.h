// SPDX-License-Identifier: Apache-2.0
// The real kluisd as a child process that can be killed at any moment. Ends with this object, and
// with the test program. One thread.
//
// Its memory can be read all the time, although it forbids that to all others of its user: the
// files in /proc are opened while the child stands still at its exec, before its first instruction,
// and stay open. For that no privilege is needed, but tracing of one's own children. They are of
// that exec alone, so LD_BIND_NOW is set as kluisd would set it: otherwise it starts itself again.
#ifndef KLUIS_TESTS_FAKES_KLUISD_PROCESS_H_
#define KLUIS_TESTS_FAKES_KLUISD_PROCESS_H_

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace kluis {

class KluisdProcess {
 public:
  // Starts `binary` with the configuration at `config`; serving when this returns. What the child
  // says on stderr goes to `errors`. Ends the test program when it does not start.
  KluisdProcess(const std::string& binary, const std::string& config, const std::string& errors) {
    int out[2];
    if (pipe(out) != 0) Fail("no pipe");
    setenv("LD_BIND_NOW", "1", 1);  // for the child, where nothing may allocate
    child_ = fork();
    if (child_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
      dup2(out[1], STDOUT_FILENO);
      close(out[0]);
      close(out[1]);
      const int file = open(errors.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
      dup2(file, STDERR_FILENO);
      execl(binary.c_str(), binary.c_str(), "--config", config.c_str(), nullptr);
      _exit(127);
    }
    close(out[1]);
    if (child_ < 0) Fail("no child");
    OpenMemory();
    port_ = ReadPort(out[0]);
    close(out[0]);
    if (port_ == 0) Fail("kluisd did not start; see " + errors);
  }
  ~KluisdProcess() {
    Kill();
    close(maps_);
    close(memory_);
  }
  KluisdProcess(const KluisdProcess&) = delete;
  KluisdProcess& operator=(const KluisdProcess&) = delete;

  int port() const { return port_; }
  pid_t pid() const { return child_; }
  // /proc/<pid>/maps and mem; as long as this object lives.
  int maps() const { return maps_; }
  int memory() const { return memory_; }

  // kill -9, and waits until it is gone.
  void Kill() {
    if (child_ <= 0) return;
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
    child_ = -1;
  }

 private:
  [[noreturn]] static void Fail(const std::string& why) {
    std::fprintf(stderr, "kluisd process: %s\n", why.c_str());
    std::abort();
  }

  // While the child stands at its exec; then lets it go.
  void OpenMemory() {
    int status = 0;
    if (waitpid(child_, &status, 0) != child_ || !WIFSTOPPED(status)) {
      Fail("the child cannot be traced, so its memory could not be read");
    }
    const std::string place = "/proc/" + std::to_string(child_);
    maps_ = open((place + "/maps").c_str(), O_RDONLY | O_CLOEXEC);
    memory_ = open((place + "/mem").c_str(), O_RDONLY | O_CLOEXEC);
    if (maps_ < 0 || memory_ < 0) Fail("the child's memory cannot be opened");
    if (ptrace(PTRACE_DETACH, child_, nullptr, nullptr) != 0) Fail("the child cannot go on");
  }

  // From its first line, "kluisd: <vault> serving on port <n>"; 0 when there is none.
  static int ReadPort(int file) {
    std::string line;
    char c = 0;
    while (read(file, &c, 1) == 1 && c != '\n') line += c;
    const size_t space = line.rfind(' ');
    return space == std::string::npos ? 0 : std::atoi(line.c_str() + space + 1);
  }

  pid_t child_ = -1;
  int port_ = 0;
  int maps_ = -1;
  int memory_ = -1;
};

}  // namespace kluis

#endif  // KLUIS_TESTS_FAKES_KLUISD_PROCESS_H_
