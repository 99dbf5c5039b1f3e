// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/str_cat.h"
#include "audit/statement.h"
#include "client/algorithm.h"
#include "client/batch_enroll.h"
#include "client/command_line.h"
#include "client/custody.h"
#include "client/files.h"
#include "client/line_file.h"
#include "client/progress.h"
#include "client/station.h"
#include "client/verbs/verbs.h"
#include "crypto/key_file.h"

namespace kluis::client::enroll_verbs {
namespace {

struct CaptureOptions {
  std::string registrar_key;
  std::string algorithm;
  std::string captured_at = "now";
  uint32_t quality = 90;
  std::string liveness = "attended";
  std::string category = "other";
};

struct OneOptions {
  CaptureOptions capture;
  std::string consent;
  std::string file;
  std::optional<uint64_t> row;
  std::string name;
  std::string contact;
  std::string sealed_secret;
};

struct BatchOptions {
  CaptureOptions capture;
  std::string templates;
  std::string consents;
  std::string details;
  std::string sealed_secrets;
  std::string purpose;
  std::string receipts;
  uint64_t window = 256;
  bool atomic = false;
};

absl::StatusOr<Station> MakeStation(const Session& session, const CaptureOptions& options) {
  const absl::StatusOr<std::string> vault = session.Vault();
  if (!vault.ok()) return vault.status();
  absl::StatusOr<crypto::SigningKey> registrar = crypto::ReadSigningKey(options.registrar_key);
  if (!registrar.ok()) return registrar.status();
  const absl::StatusOr<int64_t> captured_at = ParseTime(options.captured_at, Now());
  if (!captured_at.ok()) return captured_at.status();
  const absl::StatusOr<int> category =
      ParseEnum(*v1::SubjectCategory_descriptor(), options.category);
  if (!category.ok()) return category.status();
  Capture capture;
  capture.captured_at = *captured_at;
  capture.quality = options.quality;
  capture.liveness_method = options.liveness;
  capture.category = static_cast<v1::SubjectCategory>(*category);
  return Station(*vault, *std::move(registrar), std::move(capture));
}

absl::Status AddSealedSecret(std::string_view text, v1::EnrollRequest& request) {
  absl::StatusOr<std::string> sealed = ParseSealedSecret(text);
  if (!sealed.ok()) return sealed.status();
  request.set_sealed_custody_secret(*std::move(sealed));
  return absl::OkStatus();
}

Outcome One(Session& session, const OneOptions& options) {
  const absl::StatusOr<Station> station = MakeStation(session, options.capture);
  if (!station.ok()) return station.status();
  const absl::StatusOr<v1::Envelope> consent = ReadStatement(options.consent);
  if (!consent.ok()) return consent.status();
  absl::StatusOr<v1::Template> face =
      ReadTemplateRow(options.file, options.row, options.capture.algorithm);
  if (!face.ok()) return face.status();
  v1::SubjectDetails details;
  details.set_full_name(options.name);
  details.set_contact(options.contact);
  absl::StatusOr<v1::EnrollRequest> request =
      station->Request(*consent, *std::move(face), std::move(details), Now());
  if (!request.ok()) return request.status();
  if (!options.sealed_secret.empty()) {
    const absl::StatusOr<std::string> text = ReadText(options.sealed_secret);
    if (!text.ok()) return text.status();
    const absl::Status added = AddSealedSecret(*text, *request);
    if (!added.ok()) return added;
  }
  return session.Print(session.Call(&v1::EnrollmentService::Stub::Enroll, *request));
}

// The rows of the files, side by side.
class Rows {
 public:
  static absl::StatusOr<Rows> Open(const BatchOptions& options) {
    absl::StatusOr<Templates> faces = Templates::Open(options.templates, options.capture.algorithm);
    if (!faces.ok()) return faces.status();
    absl::StatusOr<LineFile> consents = LineFile::Open(options.consents);
    if (!consents.ok()) return consents.status();
    absl::StatusOr<LineFile> details = LineFile::Open(options.details);
    if (!details.ok()) return details.status();
    Rows rows(*std::move(faces), *std::move(consents), *std::move(details), options.purpose);
    if (!options.sealed_secrets.empty()) {
      absl::StatusOr<LineFile> secrets = LineFile::Open(options.sealed_secrets);
      if (!secrets.ok()) return secrets.status();
      rows.secrets_ = *std::move(secrets);
    }
    return rows;
  }

  uint64_t size() const { return faces_.size(); }

  absl::StatusOr<std::optional<v1::EnrollRequest>> Next(const Station& station) {
    if (next_ == faces_.size()) return std::nullopt;
    ++next_;
    absl::StatusOr<v1::Template> face = faces_.Next();
    if (!face.ok()) return face.status();
    const absl::StatusOr<std::string> consent_line = consents_.Next();
    if (!consent_line.ok()) return consent_line.status();
    const absl::StatusOr<std::string> details_line = details_.Next();
    if (!details_line.ok()) return details_line.status();

    const absl::StatusOr<v1::Envelope> consent = audit::EnvelopeFromJson(*consent_line);
    if (!consent.ok()) return consents_.Refuse(consent.status());
    v1::Consent terms;
    const absl::Status read = audit::ReadPayload(*consent, terms);
    if (!read.ok()) return consents_.Refuse(read);
    if (terms.purpose() != purpose_) {
      return consents_.Refuse(absl::InvalidArgumentError("consent for another purpose"));
    }
    v1::SubjectDetails details;
    const absl::Status parsed = FromJson(*details_line, details);
    if (!parsed.ok()) return details_.Refuse(parsed);
    absl::StatusOr<v1::EnrollRequest> request =
        station.Request(*consent, *std::move(face), std::move(details), Now());
    if (!request.ok()) return consents_.Refuse(request.status());
    if (secrets_.has_value()) {
      const absl::StatusOr<std::string> secret = secrets_->Next();
      if (!secret.ok()) return secret.status();
      const absl::Status added = AddSealedSecret(*secret, *request);
      if (!added.ok()) return secrets_->Refuse(added);
    }
    return *std::move(request);
  }

 private:
  Rows(Templates faces, LineFile consents, LineFile details, std::string purpose)
      : faces_(std::move(faces)),
        consents_(std::move(consents)),
        details_(std::move(details)),
        purpose_(std::move(purpose)) {}

  Templates faces_;
  LineFile consents_;
  LineFile details_;
  std::optional<LineFile> secrets_;
  std::string purpose_;
  uint64_t next_ = 0;
};

std::string ReceiptLine(const v1::BatchEnrollResponse& answer) {
  nlohmann::ordered_json line{{"row", answer.row()}};
  if (answer.has_enrolled()) {
    line["subject"] = answer.enrolled().subject();
    line["template_record"] = answer.enrolled().template_record();
    line["log_index"] = answer.enrolled().receipt().log_index();
  } else {
    line["refused"] = answer.refused().reason();
    line["message"] = answer.refused().message();
  }
  return line.dump() + "\n";
}

std::function<void(const BatchCount&)> ProgressOn(std::ostream& err, uint64_t rows) {
  return [rows, progress = Progress(err, rows)](const BatchCount& count) mutable {
    progress.Show(count.answered(), absl::StrCat(count.answered(), " of ", rows, " rows, ",
                                                 count.refused, " refused"));
  };
}

Outcome Batch(Session& session, const BatchOptions& options) {
  const absl::StatusOr<Station> station = MakeStation(session, options.capture);
  if (!station.ok()) return station.status();
  absl::StatusOr<Rows> rows = Rows::Open(options);
  if (!rows.ok()) return rows.status();
  if (options.atomic && rows->size() > 10'000) {
    return UsageError("--atomic: at most 10,000 rows; this file has more");
  }
  absl::StatusOr<LineWriter> receipts = LineWriter::Open(options.receipts);
  if (!receipts.ok()) return receipts.status();
  const absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = session.Channel();
  if (!channel.ok()) return channel.status();

  BatchPlan plan;
  plan.atomic = options.atomic;
  plan.rows = rows->size();
  plan.window = options.window;
  plan.patience =
      std::chrono::milliseconds(static_cast<int64_t>(session.settings().timeout_seconds * 1000));
  plan.next_row = [&] { return rows->Next(*station); };
  plan.answered = [&](const v1::BatchEnrollResponse& answer) {
    return receipts->Write(ReceiptLine(answer));
  };
  plan.progress = ProgressOn(session.err(), rows->size());
  v1::EnrollmentService::Stub stub(*channel);
  const absl::StatusOr<BatchCount> count = EnrollBatch(stub, plan);
  const absl::Status closed = receipts->Close();
  if (!count.ok()) return count.status();
  if (!closed.ok()) return closed;

  if (session.json()) {
    session.out() << nlohmann::ordered_json{{"rows", count->sent},
                                            {"enrolled", count->enrolled},
                                            {"refused", count->refused}}
                         .dump()
                  << "\n";
  } else {
    session.out() << "enrolled " << count->enrolled << " of " << count->sent << ", refused "
                  << count->refused << "\n";
  }
  return count->refused == 0 ? ExitCode::kDone : ExitCode::kRefused;
}

void AddCaptureOptions(base::Verb verb, CaptureOptions& options) {
  verb.Text("--registrar-key", options.registrar_key,
            "Signs that the capture was live, here, and of an adult")
      .Called("FILE")
      .Required();
  verb.Text("--algorithm", options.algorithm, "Else by dimension: arcface-512/1, dlib-128/1");
  verb.Text("--captured-at", options.captured_at, "2026-11-22T19:00:00Z, now or -5m")
      .Called("TIME")
      .ShowingDefault();
  verb.Count("--quality", options.quality, "Of the capture, 1 to 100 (ISO/IEC 29794-5)")
      .Between(1, 100)
      .Called("N")
      .ShowingDefault();
  verb.Text("--liveness", options.liveness, "How it was seen to be live").ShowingDefault();
  verb.Text("--category", options.category, "suspect, convicted, victim, witness or other")
      .OneOf(EnumNames(*v1::SubjectCategory_descriptor()))
      .Called("CATEGORY")
      .ShowingDefault();
}

}  // namespace

void Add(CommandLine& line) {
  base::Verb group = line.Group("enroll", "Bring templates in, each with its consent (registrar)");
  auto [one, to_enroll] = line.Verb<OneOptions>(
      group, "one", "Enrol one person who stands in front of the desk",
      "kluis enroll one --consent consent.json --registrar-key desk.key --template face.npy \\\n"
      "    --name \"Anna Jansen\" --contact anna@example.org",
      One);
  AddCaptureOptions(one, to_enroll->capture);
  one.Text("--consent", to_enroll->consent, "The person's signed consent")
      .Called("FILE")
      .Required();
  one.Text("--template", to_enroll->file, "One template, .npy or JSON").Called("FILE").Required();
  one.Count("--row", to_enroll->row, "Of a file with several; from 0").Called("N");
  one.Text("--name", to_enroll->name, "The person's full name").Required();
  one.Text("--sealed-secret", to_enroll->sealed_secret,
           "Of a purpose in the person's own custody: from kluis consent sign")
      .Called("FILE");
  one.Text("--contact", to_enroll->contact, "How to reach the person");

  auto [batch, rows] = line.Verb<BatchOptions>(
      group, "batch", "Enrol many: row N of each file is one person (exit code 3: rows refused)",
      "kluis enroll batch --templates enrolled.npy --consents consents.jsonl \\\n"
      "    --details details.jsonl --registrar-key desk.key --purpose missing-persons \\\n"
      "    --receipts receipts.jsonl",
      Batch);
  AddCaptureOptions(batch, rows->capture);
  batch.Text("--templates", rows->templates, "A template in each row, .npy or JSON")
      .Called("FILE")
      .Required();
  batch.Text("--consents", rows->consents, "A signed consent on each line")
      .Called("FILE")
      .Required();
  batch.Text("--details", rows->details, "{\"full_name\": ..., \"contact\": ...} on each line")
      .Called("FILE")
      .Required();
  batch
      .Text("--sealed-secrets", rows->sealed_secrets,
            "Of a purpose in the persons' own custody: a sealed secret on each line")
      .Called("FILE");
  batch.Text("--purpose", rows->purpose, "That every consent must be for").Required();
  batch.Text("--receipts", rows->receipts, "Writes what became of each row, a line each")
      .Called("FILE");
  batch.Count("--window", rows->window, "Rows sent and not yet answered")
      .Between(1, 100000)
      .Called("N")
      .ShowingDefault();
  batch.Flag("--atomic", rows->atomic, "Store all rows or none; at most 10,000");
}

}  // namespace kluis::client::enroll_verbs
