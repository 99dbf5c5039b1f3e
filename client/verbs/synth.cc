// SPDX-License-Identifier: Apache-2.0
#include "client/synth.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "audit/statement.h"
#include "client/command_line.h"
#include "client/files.h"
#include "client/line_file.h"
#include "client/purposes.h"
#include "client/verbs/verbs.h"
#include "crypto/key_file.h"
#include "kluis/v1/enrollment_service.pb.h"

namespace kluis::client::synth_verbs {
namespace {

struct PeopleOptions {
  std::string directory;
  uint64_t people = 0;
  std::string shape = "arcface-512";
  uint64_t seed = 0;
  uint32_t captures = 2;
};

struct ConsentsOptions {
  std::string directory;
  uint64_t people = 0;
  std::string purpose;
  std::string language = "nl";
  uint32_t days = 0;
  std::optional<uint64_t> keys;
};

Outcome People(Session& session, const PeopleOptions& options) {
  const absl::StatusOr<Population> population = Population::Create(options.shape, options.seed);
  if (!population.ok()) return population.status();
  const absl::Status written =
      WritePopulation(*population, options.people, options.captures, options.directory);
  if (!written.ok()) return written;
  session.err() << "kluis: " << options.people << " people of nobody in " << options.directory
                << "\n";
  return ExitCode::kDone;
}

// A new key for person `row`, kept on disk when `keep`, and their consent.
absl::StatusOr<v1::Envelope> SignFor(uint64_t row, bool keep, const std::string& directory,
                                     const std::string& vault, v1::Consent consent) {
  const crypto::SigningKey key = crypto::SigningKey::Generate();
  if (keep) {
    const absl::Status kept =
        crypto::WriteSigningKey(key, absl::StrCat(directory, "/subjects/", row, ".key"));
    if (!kept.ok()) return kept;
  }
  consent.set_subject_public_key(crypto::PublicKeyText(key.public_key()));
  Stamp(vault, Now(), consent);
  absl::StatusOr<v1::Envelope> envelope = audit::MakeStatement(consent);
  if (envelope.ok()) audit::AddSignature(key, *envelope);
  return envelope;
}

Outcome Consents(Session& session, const ConsentsOptions& options) {
  const absl::StatusOr<std::string> vault = session.Vault();
  if (!vault.ok()) return vault.status();
  const absl::StatusOr<v1::Purpose> purpose = FindPurpose(session, options.purpose);
  if (!purpose.ok()) return purpose.status();
  const absl::StatusOr<v1::Notice> notice = FindNotice(*purpose, options.language);
  if (!notice.ok()) return notice.status();
  const absl::Status made = MakeDirectories(options.directory + "/subjects");
  if (!made.ok()) return made;
  absl::StatusOr<LineWriter> consents = LineWriter::Open(options.directory + "/consents.jsonl");
  if (!consents.ok()) return consents.status();
  absl::StatusOr<LineWriter> details = LineWriter::Open(options.directory + "/details.jsonl");
  if (!details.ok()) return details.status();

  const uint64_t keys = options.keys.value_or(options.people);
  const v1::Consent terms = DraftConsent(*purpose, *notice, options.days, Now());
  for (uint64_t row = 0; row < options.people; ++row) {
    const absl::StatusOr<v1::Envelope> consent =
        SignFor(row, row < keys, options.directory, *vault, terms);
    if (!consent.ok()) return consent.status();
    v1::SubjectDetails person;
    person.set_full_name(absl::StrCat("Synthetic Person ", row));
    person.set_contact(absl::StrCat("person-", row, "@synthetic.example"));
    absl::Status written = consents->Write(audit::EnvelopeToJson(*consent) + "\n");
    if (written.ok()) written = details->Write(ToJson(person) + "\n");
    if (!written.ok()) return written;
  }
  absl::Status closed = consents->Close();
  if (closed.ok()) closed = details->Close();
  if (!closed.ok()) return closed;
  return ExitCode::kDone;
}

}  // namespace

void Add(CommandLine& line) {
  base::Verb group = line.Group("synth", "Synthetic people, for demonstrations and measurements");
  auto [people, population] = line.Verb<PeopleOptions>(
      group, "people", "Write enrolled.npy and probes.npy: row N of each is one person",
      "kluis synth people demo --people 1000 --shape arcface-512 --seed 7", People);
  people.Text("directory", population->directory, "Where to").Called("DIR").Required();
  people.Count("--people", population->people, "How many").Called("N").Required();
  people.Text("--shape", population->shape, "arcface-512 or dlib-128")
      .OneOf({"arcface-512", "dlib-128"})
      .Called("SHAPE")
      .ShowingDefault();
  people.Count("--seed", population->seed, "The same seed makes the same people")
      .Called("N")
      .ShowingDefault();
  people.Count("--captures", population->captures, "Of each person; more give probes-2.npy")
      .Called("N")
      .Between(2, 16)
      .ShowingDefault();

  auto [consents, options] = line.Verb<ConsentsOptions>(
      group, "consents",
      "Write consents.jsonl and details.jsonl for enroll batch, and subjects/ROW.key",
      "kluis synth consents demo --people 1000 --purpose missing-persons", Consents);
  consents.Text("directory", options->directory, "Where to").Called("DIR").Required();
  consents.Count("--people", options->people, "How many").Called("N").Required();
  consents.Text("--purpose", options->purpose, "See kluis purpose list").Required();
  consents.Text("--notice-language", options->language, "Of the notice they read")
      .Called("LANGUAGE")
      .ShowingDefault();
  consents.Count("--days", options->days, "For how long; else as the purpose allows")
      .Called("DAYS");
  consents.Count("--keys", options->keys, "Keep the keys of the first N people; else of all")
      .Called("N");
}

}  // namespace kluis::client::synth_verbs
