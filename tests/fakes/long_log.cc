// SPDX-License-Identifier: Apache-2.0
#include "tests/fakes/long_log.h"

#include <deque>
#include <filesystem>
#include <fstream>
#include <random>
#include <utility>
#include <vector>

#include "audit/tiles.h"
#include "tests/fakes/log_builder.h"
#include "tests/fakes/policy_world.h"

namespace kluis::audit {
namespace {

using policy::kDay;
using policy::PolicyWorld;

// The files of a log, each written once.
class Files {
 public:
  explicit Files(std::string directory) : directory_(std::move(directory)) {}

  void Add(const std::string& entry) {
    bundle_.push_back(entry);
    AddHash(0, LeafHash(entry));
  }
  // The partial ones, and the checkpoint.
  void Finish(const std::string& checkpoint) {
    WriteBundle();
    for (uint32_t level = 0; level < levels_.size(); ++level) WriteTile(level);
    Write("checkpoint", checkpoint);
  }

 private:
  struct Level {
    std::vector<Hash> hashes;
    uint64_t index = 0;
  };

  void AddHash(uint32_t level, const Hash& hash) {
    if (levels_.size() <= level) levels_.resize(level + 1);
    levels_[level].hashes.push_back(hash);
    if (levels_[level].hashes.size() < kTileWidth) return;
    const Hash root = RootOf(levels_[level].hashes);
    if (level == 0) WriteBundle();
    WriteTile(level);
    ++levels_[level].index;
    levels_[level].hashes.clear();
    AddHash(level + 1, root);
  }
  void WriteBundle() {
    if (bundle_.empty()) return;
    const auto width = static_cast<uint32_t>(bundle_.size());
    Write(*TilePath({true, 0, levels_[0].index, width}), *EncodeEntryBundle(bundle_));
    bundle_.clear();
  }
  void WriteTile(uint32_t level) {
    const Level& at = levels_[level];
    if (at.hashes.empty()) return;
    const auto width = static_cast<uint32_t>(at.hashes.size());
    Write(*TilePath({false, level, at.index, width}), *EncodeTile(at.hashes));
  }
  void Write(const std::string& path, const std::string& bytes) const {
    const std::filesystem::path file = std::filesystem::path(directory_) / path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << bytes;
  }

  const std::string directory_;
  std::vector<std::string> bundle_;
  std::vector<Level> levels_;
};

class LongHistory {
 public:
  LongHistory(LogBuilder& log, uint64_t seed) : log_(log), random_(seed) {
    PolicyWorld start;
    Do(WithShortRetention(start.Found()));
    world_ = start;
    log_.SetTime(world_.now);
    log_.Start();
    world_.police = world_.NewId();
    Do(world_.Accredit("Police", world_.police));
    for (const auto name : {"anna", "ben", "zoe"}) {
      Do(world_.Register(v1::ROLE_OFFICER, name, world_.police));
    }
    Do(world_.Register(v1::ROLE_JUDGE, "jo"));
    Do(world_.Register(v1::ROLE_REGISTRAR, "rex"));
    Do(world_.RegisterPurpose());
    Enroll();
    OpenCase();
  }

  void Step() {
    world_.now += static_cast<int64_t>(Below(2));
    if (world_.now - closed_at_ >= 55) {
      Sweep();
      log_.Close();
      closed_at_ = world_.now;
    }
    log_.SetTime(world_.now);
    const size_t what = Below(1000);
    if (what < 330) return Enroll();
    if (what < 450) return Withdraw();
    if (what < 700) return Verify();
    if (what < 830) return Identify();
    if (what < 850) return Judge();
    if (what < 870) return Access();
    if (what < 950) return BeRefused();
    if (what < 962) return OpenCase();
    if (what < 970) return EndCase();
    if (what < 972) return Govern();
    Do(world_.ReadCase(case_));
  }

 private:
  struct Subject {
    std::string id;
    std::string template_id;
    int64_t expires_at = 0;
  };

  size_t Below(size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random_); }

  static v1::Command WithShortRetention(v1::Command found) {
    v1::LegalProfile& profile = *found.mutable_found()->mutable_founding()->mutable_legal_profile();
    profile.set_details_retention_days(1);
    profile.set_case_retention_days(1);
    return found;
  }

  policy::Ruling Do(const v1::Command& command) {
    log_.SetTime(world_.now);
    return log_.Append(command);
  }
  void Erase(const policy::Ruling& ruling) {
    for (const v1::RecordChange& change : ruling.changes) {
      if (!change.has_pending_erasure()) continue;
      Do(world_.EraseDone(change.pending_erasure().target(), change.pending_erasure().id()));
    }
  }

  void Enroll() {
    v1::Command command = world_.Enroll();
    if (Below(10) == 0) {
      command.mutable_enroll()->set_consent_expires_at(world_.now + kDay);
    }
    const policy::Ruling ruling = Do(command);
    if (!ruling.decision.allowed()) return;
    live_.push_back({command.enroll().new_subject_id(), command.enroll().new_template_id(),
                     command.enroll().consent_expires_at()});
    if (live_.back().expires_at <= world_.now + kDay) expiring_.push_back(live_.back());
  }
  Subject& Somebody() { return live_[Below(live_.size())]; }
  void Withdraw() {
    Subject& subject = Somebody();
    Erase(Do(world_.Withdraw(subject.id)));
    ended_.emplace_back(world_.now, subject.id);
    std::swap(subject, live_.back());
    live_.pop_back();
    if (live_.empty()) Enroll();
  }
  void Verify() {
    const v1::Command command = world_.Verify(Somebody().id);
    if (!Do(command).decision.allowed()) return;
    Do(world_.Outcome(command.verify().new_search_id(), 0));
  }
  void Identify() {
    const v1::Command command = world_.Identify(case_);
    if (!Do(command).decision.allowed()) return OpenCase();
    const int found = Below(4) == 0 ? 1 : 0;
    const v1::Command outcome = world_.Outcome(command.identify().new_search_id(), found);
    Do(outcome);
    if (found > 0) candidates_.push_back(outcome.search_outcome().candidate_ids(0));
  }
  void Judge() {
    if (candidates_.empty()) return Identify();
    const std::string candidate = candidates_.back();
    candidates_.pop_back();
    Do(world_.Adjudicate(case_, candidate, "anna"));
    Do(world_.Adjudicate(case_, candidate, "ben"));
    if (Below(4) == 0) Do(world_.Disclose(case_, candidate));
  }
  void Access() { Do(world_.Access(Somebody().id)); }
  void BeRefused() {
    switch (Below(4)) {
      case 0:
        Do(world_.Identify(std::string(16, 'x')));
        return;
      case 1:
        Do(world_.Verify(std::string(16, 'x')));
        return;
      case 2: {
        v1::Command command = world_.Enroll();
        command.mutable_enroll()->set_explicit_consent(false);
        Do(command);
        return;
      }
      default: {
        v1::Command command = world_.Verify("");
        command.mutable_reject()->set_reason("MALFORMED_REQUEST");
        Do(command);
      }
    }
  }
  void OpenCase() {
    const v1::Command command = world_.OpenCase();
    const std::string id = command.open_case().new_case_id();
    Do(command);
    if (!case_.empty() && Below(8) == 0) {
      Erase(Do(world_.RefuseWarrant(id)));
      return;
    }
    const std::string opening = PolicyWorld::NameOf(command.open_case().statement().digest());
    v1::Command warrant = world_.IssueWarrant(id);
    warrant.mutable_issue_warrant()->mutable_warrant()->set_opening(opening);
    warrant.mutable_issue_warrant()->mutable_warrant()->set_budget(1000);
    Do(warrant);
    v1::Command approval = world_.ApproveCase(id);
    approval.mutable_approve_case()->mutable_approval()->set_opening(opening);
    Do(approval);
    if (!case_.empty()) {
      Do(world_.CloseCase(case_));
      closed_.emplace_back(world_.now, case_);
    }
    case_ = id;
    candidates_.clear();
  }
  void EndCase() { Do(world_.EndCase(case_)); }  // not due: a refusal
  void Govern() {
    switch (Below(3)) {
      case 0:
        Do(world_.Accredit("Authority " + std::to_string(Below(1000))));
        return;
      case 1: {
        const v1::Command stop = world_.Stop();
        Do(stop);
        v1::Command lift = world_.Lift();
        lift.mutable_lift()->mutable_order()->set_stop(
            PolicyWorld::NameOf(stop.stop().statement().digest()));
        Do(lift);
        return;
      }
      default:
        Do(world_.Register(v1::ROLE_JUDGE, "judge-" + std::to_string(log_.size())));
    }
  }
  // What is over ends: templates, cases, subjects.
  void Sweep() {
    std::vector<Subject> left;
    for (Subject& subject : std::exchange(expiring_, {})) {
      if (subject.expires_at > world_.now) {
        left.push_back(std::move(subject));
        continue;
      }
      const policy::Ruling ruling = Do(world_.ExpireTemplate(subject.template_id));
      Erase(ruling);
      if (ruling.decision.allowed()) ended_.emplace_back(world_.now, subject.id);
    }
    expiring_ = std::move(left);
    while (!closed_.empty() && closed_.front().first + kDay <= world_.now) {
      Erase(Do(world_.EndCase(closed_.front().second)));
      closed_.pop_front();
    }
    while (!ended_.empty() && ended_.front().first + kDay <= world_.now) {
      Erase(Do(world_.ForgetSubject(ended_.front().second)));
      ended_.pop_front();
    }
  }

  LogBuilder& log_;
  std::mt19937_64 random_;
  PolicyWorld world_;
  int64_t closed_at_ = 0;
  std::string case_;
  std::vector<Subject> live_, expiring_;
  std::vector<std::string> candidates_;
  std::deque<std::pair<int64_t, std::string>> closed_, ended_;
};

}  // namespace

VerifierKey WriteLongLog(const std::string& directory, uint64_t entries, uint64_t seed) {
  Files files(directory);
  LogBuilder log("vault.example/log",
                 [&files](uint64_t, const std::string& entry) { files.Add(entry); });
  LongHistory history(log, seed);
  while (log.size() + 1 < entries) history.Step();
  log.Close();
  files.Finish(log.SignedCheckpoint());
  return log.key();
}

}  // namespace kluis::audit
