// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "audit/witness/cosignature.h"
#include "audit/witness/witness.h"
#include "service/publish/witnesses.h"
#include "tests/fakes/growing_log.h"
#include "tests/fakes/loopback_server.h"
#include "tests/fakes/memory_file_system.h"

namespace kluis::service::witnesses_test {
namespace {

using audit::GrowingLog;

constexpr double kPatient = 60;
constexpr double kHasty = 0.3;
constexpr auto kMuchLess = std::chrono::seconds(10);  // than kPatient, on a machine that is busy
constexpr uint64_t kNow = 1679315147;

// The real logic of a witness behind a real server.
class WitnessServer {
 public:
  WitnessServer(const GrowingLog& log, char seed)
      : witness_(*audit::Witness::Open(
            {"witness.example/" + std::to_string(seed), {log.key()}, "state", [] { return kNow; }},
            GrowingLog::KeyOf(seed), files_)),
        server_([this](const std::string& body) {
          const audit::WitnessReply reply = witness_->AddCheckpoint(body);
          return LoopbackAnswer{reply.status, reply.content_type, reply.body};
        }) {}

  WitnessConfig config() const { return {server_.url(), key().ToString()}; }
  const audit::VerifierKey& key() const { return witness_->key(); }
  audit::Witness& witness() { return *witness_; }

 private:
  crypto::MemoryFileSystem files_;
  std::unique_ptr<audit::Witness> witness_;
  LoopbackServer server_;
};

audit::VerifierKey WitnessKey(char seed) {
  return *audit::VerifierKey::Create("witness.example/" + std::to_string(seed),
                                     audit::KeyType::kEd25519Cosignature,
                                     GrowingLog::KeyOf(seed).public_key());
}

WitnessConfig ConfigOf(const std::string& url, char seed) {
  return {url, WitnessKey(seed).ToString()};
}

std::unique_ptr<Witnesses> Make(const std::vector<WitnessConfig>& configs, int64_t quorum = 1,
                                double timeout_seconds = kPatient) {
  auto made = Witnesses::Create(configs, quorum, timeout_seconds);
  EXPECT_TRUE(made.ok()) << made.status();
  return *std::move(made);
}

Witnesses::Outcome Cosign(Witnesses& witnesses, GrowingLog& log, uint64_t size) {
  return witnesses.Cosign(log.Note(size), log.At(size), [&](uint64_t from, uint64_t to) {
    return absl::StatusOr<std::vector<audit::Hash>>(log.Proof(from, to));
  });
}

// Whether `note` is the log's checkpoint with exactly one valid cosignature of each of `witnesses`.
bool IsCosignedBy(const std::string& note, GrowingLog& log, uint64_t size,
                  std::vector<audit::VerifierKey> witnesses) {
  const size_t lines = witnesses.size() + 1;
  witnesses.push_back(log.key());
  const auto opened = audit::OpenCheckpoint(note, log.origin(), witnesses);
  return opened.ok() && opened->checkpoint == log.At(size) && opened->signatures.size() == lines &&
         audit::ParseNote(note)->signatures.size() == lines;
}

// What becomes of one witness that answers each request with `answer`.
struct Case {
  Witnesses::Outcome outcome;
  std::string failure;
};
Case Answered(const LoopbackAnswer& answer, GrowingLog& log, uint64_t size) {
  const LoopbackServer server([&](const std::string&) { return answer; });
  const auto witnesses = Make({ConfigOf(server.url(), 5)});
  Case result{Cosign(*witnesses, log, size), ""};
  result.failure = witnesses->States()[0].failure;
  return result;
}

TEST(Witnesses, MergesTheCosignaturesOfAll) {
  GrowingLog log;
  WitnessServer one(log, 5);
  WitnessServer two(log, 6);
  const auto witnesses = Make({one.config(), two.config()}, 2);
  for (const uint64_t size : {uint64_t{1}, uint64_t{2}, uint64_t{7}, uint64_t{300}}) {
    const Witnesses::Outcome outcome = Cosign(*witnesses, log, size);
    EXPECT_TRUE(IsCosignedBy(outcome.note, log, size, {one.key(), two.key()})) << outcome.note;
    EXPECT_EQ(outcome.cosigned, 2);
    EXPECT_TRUE(outcome.quorum);
    EXPECT_TRUE(outcome.fatal.ok());
  }
  for (const Witnesses::State& state : witnesses->States()) {
    EXPECT_EQ(state.cosigned_size, 300);
    EXPECT_EQ(state.cosigned_at, kNow);
    EXPECT_EQ(state.failure, "");
  }
  EXPECT_EQ(witnesses->States()[1].name, two.key().name());
  EXPECT_EQ(witnesses->States()[1].url, two.config().url);
}

TEST(Witnesses, FindsOutWhatAWitnessHoldsAfterARestart) {
  GrowingLog log;
  WitnessServer server(log, 5);
  EXPECT_EQ(Cosign(*Make({server.config()}), log, 5).cosigned, 1);
  const auto restarted = Make({server.config()});
  EXPECT_TRUE(IsCosignedBy(Cosign(*restarted, log, 5).note, log, 5, {server.key()}));
  EXPECT_TRUE(IsCosignedBy(Cosign(*Make({server.config()}), log, 9).note, log, 9, {server.key()}));
}

TEST(Witnesses, FollowsAWitnessThatHasSeenMoreThanItAnswered) {
  GrowingLog log;
  WitnessServer server(log, 5);
  const auto witnesses = Make({server.config()});
  Cosign(*witnesses, log, 5);
  EXPECT_EQ(server.witness().AddCheckpoint(log.Body(5, 7)).status, 200);  // an answer that was lost
  EXPECT_EQ(Cosign(*witnesses, log, 9).cosigned, 1);
}

TEST(Witnesses, ReplacesTheCosignaturesThatANoteHas) {
  GrowingLog log;
  WitnessServer server(log, 5);
  const auto witnesses = Make({server.config()});
  std::string note = log.Note(5);
  for (int i = 0; i < 3; ++i) {
    note = witnesses
               ->Cosign(note, log.At(5),
                        [](uint64_t, uint64_t) { return absl::InternalError("not needed"); })
               .note;
    EXPECT_TRUE(IsCosignedBy(note, log, 5, {server.key()})) << note;
  }
}

TEST(Witnesses, AreNotNeeded) {
  GrowingLog log;
  const Witnesses::Outcome outcome = Cosign(*Make({}, 0), log, 5);
  EXPECT_EQ(outcome.note, log.Note(5));
  EXPECT_TRUE(outcome.quorum);
}

TEST(WitnessesFatal, NamesBothSizesOfALogThatWasRolledBack) {
  GrowingLog log;
  WitnessServer server(log, 5);
  Cosign(*Make({server.config()}), log, 209);
  const auto witnesses = Make({server.config()});
  const Witnesses::Outcome outcome = Cosign(*witnesses, log, 107);
  EXPECT_TRUE(absl::IsDataLoss(outcome.fatal));
  EXPECT_NE(outcome.fatal.message().find("209"), std::string::npos) << outcome.fatal;
  EXPECT_NE(outcome.fatal.message().find("107"), std::string::npos) << outcome.fatal;
  EXPECT_NE(outcome.fatal.message().find(server.key().name()), std::string::npos);
  EXPECT_NE(witnesses->States()[0].failure, "");
  EXPECT_EQ(outcome.note, log.Note(107));
  EXPECT_FALSE(outcome.quorum);
}

TEST(WitnessesFatal, NamesBothSizesOfALogThatWasForked) {
  GrowingLog log;
  GrowingLog fork(log.origin(), 100);
  WitnessServer server(log, 5);
  Cosign(*Make({server.config()}), log, 107);
  for (const uint64_t size : {uint64_t{107}, uint64_t{209}}) {
    const Witnesses::Outcome outcome = Cosign(*Make({server.config()}), fork, size);
    EXPECT_TRUE(absl::IsDataLoss(outcome.fatal)) << size;
    EXPECT_NE(outcome.fatal.message().find("107"), std::string::npos) << outcome.fatal;
    EXPECT_NE(outcome.fatal.message().find(std::to_string(size)), std::string::npos);
    EXPECT_EQ(outcome.cosigned, 0);
  }
  EXPECT_TRUE(Cosign(*Make({server.config()}), log, 209).fatal.ok());
}

TEST(WitnessesFatal, IsAnotherRootHoweverAWitnessSaysIt) {
  GrowingLog log;
  for (const LoopbackAnswer& second :
       {LoopbackAnswer{409, "text/plain", "another root\n"},
        LoopbackAnswer{409, "text/x.tlog.size", "5\n"}, LoopbackAnswer{422, "text/plain", ""}}) {
    std::atomic<int> calls = 0;
    const LoopbackServer server([&](const std::string&) {
      return ++calls == 1 ? LoopbackAnswer{409, "text/x.tlog.size", "5\n"} : second;
    });
    EXPECT_TRUE(absl::IsDataLoss(Cosign(*Make({ConfigOf(server.url(), 5)}), log, 5).fatal));
    EXPECT_EQ(calls, 2);
  }
}

TEST(WitnessesFatal, IsNotEveryRefusal) {
  GrowingLog log;
  for (const LoopbackAnswer& answer :
       {LoopbackAnswer{422, "text/plain", ""}, LoopbackAnswer{409, "text/plain", "9\n"},
        LoopbackAnswer{409, "text/x.tlog.size; charset=utf-8", "9\n"},
        LoopbackAnswer{409, "text/x.tlog.size", "9"},
        LoopbackAnswer{409, "text/x.tlog.size", "09\n"},
        LoopbackAnswer{409, "text/x.tlog.size", "0\n"},
        LoopbackAnswer{409, "text/x.tlog.size", "3\n"}, LoopbackAnswer{400, "", ""},
        LoopbackAnswer{403, "", ""}, LoopbackAnswer{404, "", ""}, LoopbackAnswer{500, "", ""},
        LoopbackAnswer{503, "", ""}, LoopbackAnswer{301, "", ""}, LoopbackAnswer{204, "", ""}}) {
    const Case result = Answered(answer, log, 5);
    EXPECT_TRUE(result.outcome.fatal.ok()) << answer.status << answer.body << result.outcome.fatal;
    EXPECT_NE(result.failure, "") << answer.status;
    EXPECT_EQ(result.outcome.note, log.Note(5));
    EXPECT_FALSE(result.outcome.quorum);
  }
}

TEST(Witnesses, AsksASecondTimeAndNotAThird) {
  GrowingLog log;
  std::atomic<int> calls = 0;
  const LoopbackServer server([&](const std::string&) {
    return LoopbackAnswer{409, "text/x.tlog.size", std::to_string(++calls) + "\n"};
  });
  EXPECT_TRUE(Cosign(*Make({ConfigOf(server.url(), 5)}), log, 50).fatal.ok());
  EXPECT_EQ(calls, 2);
}

TEST(Witnesses, MergesNothingThatDoesNotVerify) {
  GrowingLog log;
  const std::string text = *audit::FormatCheckpoint(log.At(5));
  const audit::NoteSignature good =
      *audit::CosignText(text, WitnessKey(5).name(), GrowingLog::KeyOf(5), kNow);
  audit::NoteSignature altered = good;
  altered.signature[20] = static_cast<char>(altered.signature[20] ^ 1);
  const audit::NoteSignature other_text = *audit::CosignText(
      *audit::FormatCheckpoint(log.At(4)), WitnessKey(5).name(), GrowingLog::KeyOf(5), kNow);
  const audit::NoteSignature other_key =
      *audit::CosignText(text, WitnessKey(6).name(), GrowingLog::KeyOf(6), kNow);
  for (const std::string& body :
       {std::string(), std::string("garbage"), std::string("garbage\n"), std::string(70'000, 'x'),
        audit::FormatSignatureLine(altered), audit::FormatSignatureLine(other_text),
        audit::FormatSignatureLine(other_key), audit::FormatSignatureLine(good) + "x"}) {
    const Case result = Answered({200, "text/plain", body}, log, 5);
    EXPECT_EQ(result.outcome.cosigned, 0) << body;
    EXPECT_EQ(result.outcome.note, log.Note(5));
    EXPECT_NE(result.failure, "") << body;
    EXPECT_TRUE(result.outcome.fatal.ok());
  }
  const std::string lines =
      audit::FormatSignatureLine(other_key) + audit::FormatSignatureLine(good);
  const Case result = Answered({200, "text/plain", lines}, log, 5);
  EXPECT_EQ(result.failure, "");
  EXPECT_TRUE(IsCosignedBy(result.outcome.note, log, 5, {WitnessKey(5)}));
}

TEST(Witnesses, TellOfAProofThatThereIsNot) {
  GrowingLog log;
  WitnessServer server(log, 5);
  Cosign(*Make({server.config()}), log, 3);
  const auto witnesses = Make({server.config()});
  const Witnesses::Outcome outcome = witnesses->Cosign(
      log.Note(5), log.At(5),
      [](uint64_t, uint64_t) { return absl::UnavailableError("the disk is gone"); });
  EXPECT_TRUE(outcome.fatal.ok());
  EXPECT_NE(witnesses->States()[0].failure.find("the disk is gone"), std::string::npos);
  EXPECT_EQ(Cosign(*witnesses, log, 5).cosigned, 1);
  EXPECT_EQ(witnesses->States()[0].failure, "");
}

// What a connection may suffer; each beside a witness that answers.
using Behaviour = std::function<void(RawServer::Connection&)>;
class WitnessesConnection : public testing::TestWithParam<std::pair<const char*, Behaviour>> {};

TEST_P(WitnessesConnection, HoldsNobodyUpForLongerThanTheTimeout) {
  GrowingLog log;
  WitnessServer good(log, 6);
  const RawServer bad(GetParam().second);
  const auto witnesses = Make({ConfigOf(bad.url(), 5), good.config()}, 1, kHasty);
  for (const uint64_t size : {uint64_t{5}, uint64_t{9}}) {
    const auto start = std::chrono::steady_clock::now();
    const Witnesses::Outcome outcome = Cosign(*witnesses, log, size);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(3));
    EXPECT_TRUE(IsCosignedBy(outcome.note, log, size, {good.key()})) << outcome.note;
    EXPECT_TRUE(outcome.quorum);
    EXPECT_TRUE(outcome.fatal.ok()) << outcome.fatal;
    EXPECT_NE(witnesses->States()[0].failure, "");
    EXPECT_EQ(witnesses->States()[0].cosigned_size, 0);
    EXPECT_EQ(witnesses->States()[1].failure, "");
  }
}

INSTANTIATE_TEST_SUITE_P(
    Every, WitnessesConnection,
    testing::Values(std::pair("Hangs", Behaviour([](RawServer::Connection& c) { c.Hang(); })),
                    std::pair("Closes", Behaviour([](RawServer::Connection&) {})),
                    std::pair("SaysGarbage", Behaviour([](RawServer::Connection& c) {
                                c.ReadRequest();
                                c.Send("\x01\x02 no HTTP at all\r\n\r\n");
                              })),
                    std::pair("EndsInsideTheHeader", Behaviour([](RawServer::Connection& c) {
                                c.ReadRequest();
                                c.Send("HTTP/1.1 200 OK\r\nContent-Le");
                              })),
                    std::pair("EndsInsideTheBody", Behaviour([](RawServer::Connection& c) {
                                c.ReadRequest();
                                c.Send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
                              })),
                    std::pair("HangsInsideTheBody", Behaviour([](RawServer::Connection& c) {
                                c.ReadRequest();
                                c.Send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
                                c.Hang();
                              })),
                    std::pair("TricklesItsHeader", Behaviour([](RawServer::Connection& c) {
                                c.ReadRequest();
                                c.Send("HTTP/1.1 200 OK\r\nX: ");
                                while (c.Send("x"))
                                  std::this_thread::sleep_for(std::chrono::milliseconds(5));
                              })),
                    std::pair("NeverEnds", Behaviour([](RawServer::Connection& c) {
                                c.ReadRequest();
                                c.Send("HTTP/1.1 200 OK\r\n\r\n");
                                while (c.Send(std::string(1000, 'x'))) {
                                }
                              }))),
    [](const auto& made) { return std::string(made.param.first); });

TEST(Witnesses, CountWhoCosignedAgainstTheQuorum) {
  GrowingLog log;
  WitnessServer one(log, 5);
  WitnessServer two(log, 6);
  const RawServer dead([](RawServer::Connection&) {});
  const std::vector<WitnessConfig> configs = {one.config(), ConfigOf(dead.url(), 7), two.config()};
  EXPECT_TRUE(Cosign(*Make(configs, 2), log, 5).quorum);
  const Witnesses::Outcome outcome = Cosign(*Make(configs, 3), log, 5);
  EXPECT_FALSE(outcome.quorum);
  EXPECT_EQ(outcome.cosigned, 2);
}

TEST(Witnesses, AskAgainWhoHungBefore) {
  GrowingLog log;
  const std::string body = audit::FormatSignatureLine(*audit::CosignText(
      *audit::FormatCheckpoint(log.At(9)), WitnessKey(5).name(), GrowingLog::KeyOf(5), kNow));
  std::atomic<bool> hang = true;
  const RawServer server([&](RawServer::Connection& connection) {
    connection.ReadRequest();
    if (hang) {  // as long as the other side holds on
      connection.Send("HTTP/1.1 200 OK\r\nX: ");
      while (connection.Send("x")) std::this_thread::sleep_for(std::chrono::milliseconds(5));
      return;
    }
    connection.Send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) +
                    "\r\n\r\n" + body);
  });
  const auto witnesses = Make({ConfigOf(server.url(), 5)}, 1, kHasty);
  EXPECT_EQ(Cosign(*witnesses, log, 5).cosigned, 0);
  EXPECT_EQ(witnesses->States()[0].failure, "no answer in time");
  hang = false;
  // The thread of the call that was cut off may need a moment to notice.
  const auto start = std::chrono::steady_clock::now();
  while (Cosign(*witnesses, log, 9).cosigned == 0) {
    ASSERT_LT(std::chrono::steady_clock::now() - start, kMuchLess);
    std::this_thread::yield();
  }
  EXPECT_EQ(witnesses->States()[0].failure, "");
}

TEST(WitnessesCreate, NamesTheSettingThatIsWrong) {
  const std::string key = WitnessKey(5).ToString();
  const std::string other = WitnessKey(6).ToString();
  const std::string log_key = GrowingLog().key().ToString();
  const auto refused = [](const std::vector<WitnessConfig>& configs, int64_t quorum,
                          double seconds) {
    const absl::Status status = Witnesses::Create(configs, quorum, seconds).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    const std::string message(status.message());
    return message.substr(0, message.find(':'));
  };
  const std::string url = "http://127.0.0.1:1";
  EXPECT_EQ(refused({{"ftp://w.example", key}}, 1, 1), "witnesses[0].url");
  EXPECT_EQ(refused({{url, "x"}}, 1, 1), "witnesses[0].key");
  EXPECT_EQ(refused({{url, key}, {url, log_key}}, 1, 1), "witnesses[1].key");
  EXPECT_EQ(refused({{url, key}, {url, other}, {url, key}}, 1, 1), "witnesses[2].key");
  EXPECT_EQ(refused({{url, key}}, 2, 1), "witness_quorum");
  EXPECT_EQ(refused({{url, key}}, -1, 1), "witness_quorum");
  for (const double seconds : {0.0, -1.0, 601.0, std::nan("")}) {
    EXPECT_EQ(refused({{url, key}}, 1, seconds), "witness_timeout_seconds");
  }
  EXPECT_EQ(refused(std::vector<WitnessConfig>(kMaxWitnesses + 1, {url, key}), 1, 1), "witnesses");
}

}  // namespace
}  // namespace kluis::service::witnesses_test
