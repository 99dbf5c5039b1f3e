// SPDX-License-Identifier: Apache-2.0
#include "service/publish/witnesses.h"

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <deque>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "audit/witness/add_checkpoint.h"
#include "audit/witness/cosignature.h"

namespace kluis::service {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kMaxTimeoutSeconds = 600;
constexpr int kMaxTries = 2;

absl::Status Invalid(const std::string& setting, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(setting, ": ", why));
}

// Answers on their way from the posts' threads to Cosign. It outlives the call that it is of, so
// that an answer that comes too late finds it.
class Mailbox {
 public:
  struct Letter {
    size_t witness;
    HttpPost::Answer answer;
  };

  void Put(Letter letter) {
    {
      const std::lock_guard lock(mutex_);
      letters_.push_back(std::move(letter));
    }
    arrived_.notify_one();
  }

  // nullopt: none came until `deadline`.
  std::optional<Letter> Take(Clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    if (!arrived_.wait_until(lock, deadline, [this] { return !letters_.empty(); })) {
      return std::nullopt;
    }
    Letter letter = std::move(letters_.front());
    letters_.pop_front();
    return letter;
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Letter> letters_;
};

}  // namespace

// One call of Cosign, on its thread.
class Witnesses::Round {
 public:
  Round(Witnesses& owner, const std::string& note, const audit::Checkpoint& checkpoint,
        const ConsistencyProof& prove)
      : owner_(owner), note_(note), checkpoint_(checkpoint), prove_(prove) {}

  Outcome Run() {
    Outcome outcome{note_, 0, owner_.quorum_ == 0, {}, absl::OkStatus()};
    absl::StatusOr<audit::Note> parsed = audit::ParseNote(note_);
    if (!parsed.ok()) {
      for (size_t i = 0; i < owner_.witnesses_.size(); ++i) owner_.Failed(i, "not a signed note");
      return outcome;
    }
    text_ = parsed->text;
    const Clock::time_point deadline = Clock::now() + owner_.timeout_;
    for (size_t i = 0; i < owner_.witnesses_.size(); ++i) {
      Ask(i, std::min(owner_.Remembered(i), checkpoint_.size), 1);
    }
    while (!asked_.empty()) {
      std::optional<Mailbox::Letter> letter = mailbox_->Take(deadline);
      if (!letter.has_value()) break;
      const Asked asked = asked_.at(letter->witness);
      asked_.erase(letter->witness);
      Judge(letter->witness, asked, letter->answer);
    }
    for (const auto& [witness, asked] : asked_) {
      owner_.witnesses_[witness].post->Abort();
      owner_.Failed(witness, "no answer in time");
    }
    Merge(*std::move(parsed), outcome);
    outcome.fatal = fatal_;
    return outcome;
  }

 private:
  struct Asked {
    uint64_t old_size;
    int tries;
  };

  void Ask(size_t witness, uint64_t old_size, int tries) {
    audit::AddCheckpointRequest request{old_size, {}, note_};
    if (old_size != 0 && old_size != checkpoint_.size) {
      absl::StatusOr<std::vector<audit::Hash>> proof = prove_(old_size, checkpoint_.size);
      if (!proof.ok()) {
        return owner_.Failed(
            witness, absl::StrCat("no proof from size ", old_size, ": ", proof.status().message()));
      }
      request.proof = *std::move(proof);
    }
    absl::StatusOr<std::string> body = audit::FormatAddCheckpoint(request);
    if (!body.ok()) return owner_.Failed(witness, std::string(body.status().message()));
    const bool started = owner_.witnesses_[witness].post->Start(
        *std::move(body), [mailbox = mailbox_, witness](HttpPost::Answer answer) {
          mailbox->Put({witness, std::move(answer)});
        });
    if (!started) return owner_.Failed(witness, "an earlier call has not ended yet");
    asked_[witness] = {old_size, tries};
  }

  void Judge(size_t witness, const Asked& asked, const HttpPost::Answer& answer) {
    switch (answer.status) {
      case 0:
        return owner_.Failed(witness, answer.failure);
      case 200:
        return Take(witness, answer.body);
      case 409:
        return Conflict(witness, asked, answer);
      case 422:
        // Its size is that of the proof, or it had answered 409.
        if (asked.old_size > 0) return Forked(witness, asked.old_size);
        [[fallthrough]];
      default:
        return owner_.Failed(witness, absl::StrCat("HTTP status ", answer.status));
    }
  }

  void Take(size_t witness, const std::string& lines) {
    const absl::StatusOr<std::vector<audit::NoteSignature>> signatures =
        audit::ParseSignatureLines(lines);
    if (!signatures.ok()) {
      return owner_.Failed(witness, std::string(signatures.status().message()));
    }
    absl::StatusOr<audit::NoteSignature> cosignature =
        audit::FindCosignature(*signatures, text_, owner_.witnesses_[witness].key);
    if (!cosignature.ok()) {
      return owner_.Failed(witness, std::string(cosignature.status().message()));
    }
    owner_.Cosigned(witness, *audit::CosignatureTime(*cosignature), checkpoint_.size);
    cosignatures_[witness] = *std::move(cosignature);
  }

  void Conflict(size_t witness, const Asked& asked, const HttpPost::Answer& answer) {
    std::optional<uint64_t> holds;
    if (answer.content_type == audit::kSizeContentType) {
      const absl::StatusOr<uint64_t> size = audit::ParseTreeSize(answer.body);
      if (size.ok()) holds = *size;
    }
    if (holds.has_value() && *holds > checkpoint_.size) {
      return Fatal(witness, absl::StrCat("holds size ", *holds, ", this log has size ",
                                         checkpoint_.size, ": it was rolled back"));
    }
    // The sizes agree and still it conflicts: the specification leaves only another root.
    if (asked.old_size == checkpoint_.size && (!holds.has_value() || *holds == asked.old_size)) {
      return Forked(witness, asked.old_size);
    }
    if (!holds.has_value()) return owner_.Failed(witness, "HTTP status 409 without a size");
    if (*holds == asked.old_size || asked.tries == kMaxTries) {
      return owner_.Failed(witness, absl::StrCat("HTTP status 409 to a proof from size ",
                                                 asked.old_size, ", holds size ", *holds));
    }
    Ask(witness, *holds, asked.tries + 1);
  }

  void Forked(size_t witness, uint64_t held) {
    Fatal(witness, absl::StrCat("holds size ", held, ", which this log of size ", checkpoint_.size,
                                " does not extend: it was forked"));
  }

  void Fatal(size_t witness, const std::string& what) {
    owner_.Failed(witness, what);
    if (!fatal_.ok()) return;
    fatal_ = absl::DataLossError(
        absl::StrCat("witness ", owner_.witnesses_[witness].key.name(), " ", what));
  }

  void Merge(audit::Note note, Outcome& outcome) {
    for (const auto& given : cosignatures_) {
      const audit::NoteSignature& cosignature = given.second;
      std::erase_if(note.signatures, [&](const audit::NoteSignature& line) {
        return line.name == cosignature.name && line.key_id == cosignature.key_id;
      });
      note.signatures.push_back(cosignature);
      outcome.cosigned_at.push_back(static_cast<int64_t>(*audit::CosignatureTime(cosignature)));
    }
    std::sort(outcome.cosigned_at.begin(), outcome.cosigned_at.end());
    absl::StatusOr<std::string> merged = audit::FormatNote(note);
    if (!merged.ok()) return;  // the note had too many signatures already
    outcome.note = *std::move(merged);
    outcome.cosigned = cosignatures_.size();
    outcome.quorum = outcome.cosigned >= owner_.quorum_;
  }

  Witnesses& owner_;
  const std::string& note_;
  const audit::Checkpoint& checkpoint_;
  const ConsistencyProof& prove_;
  std::string text_;
  const std::shared_ptr<Mailbox> mailbox_ = std::make_shared<Mailbox>();
  std::map<size_t, Asked> asked_;  // who has not answered yet
  std::map<size_t, audit::NoteSignature> cosignatures_;
  absl::Status fatal_;
};

absl::StatusOr<std::unique_ptr<Witnesses>> Witnesses::Create(
    const std::vector<WitnessConfig>& witnesses, int64_t quorum, double timeout_seconds) {
  if (witnesses.size() > static_cast<size_t>(kMaxWitnesses)) {
    return Invalid("witnesses", absl::StrCat("at most ", kMaxWitnesses));
  }
  if (quorum < 0 || quorum > static_cast<int64_t>(witnesses.size())) {
    return Invalid("witness_quorum", "must be 0 to the number of witnesses");
  }
  if (!(timeout_seconds > 0) || timeout_seconds > kMaxTimeoutSeconds) {
    return Invalid("witness_timeout_seconds", "must be above 0 and at most 600");
  }
  const std::chrono::microseconds timeout(
      static_cast<int64_t>(std::ceil(timeout_seconds * 1'000'000)));
  std::vector<Witness> made;
  for (size_t i = 0; i < witnesses.size(); ++i) {
    const std::string setting = absl::StrCat("witnesses[", i, "]");
    const absl::StatusOr<HttpUrl> url = ParseHttpUrl(witnesses[i].url);
    if (!url.ok()) return Invalid(setting + ".url", url.status().message());
    absl::StatusOr<audit::VerifierKey> key = audit::VerifierKey::Parse(witnesses[i].vkey);
    if (!key.ok()) return Invalid(setting + ".key", key.status().message());
    if (key->type() != audit::KeyType::kEd25519Cosignature) {
      return Invalid(setting + ".key", "must be a witness's key, of type 04");
    }
    const bool twice = std::any_of(made.begin(), made.end(), [&](const Witness& other) {
      return other.key.key() == key->key();
    });
    if (twice) return Invalid(setting + ".key", "is there twice, and would count twice");
    State state{key->name(), witnesses[i].url, 0, 0, ""};
    made.push_back({*std::move(key),
                    std::make_unique<HttpPost>(*url, audit::kAddCheckpointPath, timeout),
                    std::move(state)});
  }
  return std::unique_ptr<Witnesses>(new Witnesses(std::move(made), quorum, timeout));
}

Witnesses::Witnesses(std::vector<Witness> witnesses, int64_t quorum,
                     std::chrono::microseconds timeout)
    : witnesses_(std::move(witnesses)), quorum_(static_cast<size_t>(quorum)), timeout_(timeout) {}

Witnesses::Outcome Witnesses::Cosign(const std::string& note, const audit::Checkpoint& checkpoint,
                                     const ConsistencyProof& prove) {
  const std::lock_guard lock(call_mutex_);
  return Round(*this, note, checkpoint, prove).Run();
}

std::vector<Witnesses::State> Witnesses::States() const {
  const std::lock_guard lock(state_mutex_);
  std::vector<State> states;
  for (const Witness& witness : witnesses_) states.push_back(witness.state);
  return states;
}

void Witnesses::Failed(size_t witness, std::string why) {
  const std::lock_guard lock(state_mutex_);
  witnesses_[witness].state.failure = std::move(why);
}

void Witnesses::Cosigned(size_t witness, uint64_t at, uint64_t size) {
  const std::lock_guard lock(state_mutex_);
  State& state = witnesses_[witness].state;
  state.cosigned_at = at;
  state.cosigned_size = size;
  state.failure.clear();
}

uint64_t Witnesses::Remembered(size_t witness) const {
  const std::lock_guard lock(state_mutex_);
  return witnesses_[witness].state.cosigned_size;
}

}  // namespace kluis::service
