// SPDX-License-Identifier: Apache-2.0
#include "client/command_line.h"
#include "client/files.h"
#include "client/verbs/verbs.h"
#include "kluis/v1/case_service.grpc.pb.h"

namespace kluis::client::case_verbs {
namespace {

using Stub = v1::CaseService::Stub;

struct OpenOptions {
  std::vector<std::string> keys;
  std::string purpose;
  std::string reference;
  std::string legal_basis;
  std::string matter;
  std::string description;
  std::string necessity;
  std::vector<std::string> categories;
};

struct WarrantOptions {
  std::string name;
  std::vector<std::string> keys;
  uint32_t budget = 0;
  uint32_t cap = 0;
  uint32_t days = 0;
  uint32_t from_now = 0;
  std::vector<std::string> categories;
  std::string not_before;
  std::string not_after;
  std::string delay_ground;
  uint32_t delay_days = 0;
};

// The verbs that only name the case, and why.
struct CaseOptions {
  std::string name;
  std::vector<std::string> keys;
  std::string reasons;
};

struct NoOptions {};

template <typename Payload>
absl::Status AddCategories(const std::vector<std::string>& names, Payload& payload) {
  for (const std::string& name : names) {
    const absl::StatusOr<int> category = ParseEnum(*v1::SubjectCategory_descriptor(), name);
    if (!category.ok()) return category.status();
    payload.add_subject_categories(static_cast<v1::SubjectCategory>(*category));
  }
  return absl::OkStatus();
}

// As Session::Act, of a statement that commits to `details`.
template <typename Request, typename Response, typename Payload>
Outcome ActWithDetails(Session& session,
                       grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                    Response*),
                       v1::Envelope* (Request::*slot)(), const std::vector<std::string>& keys,
                       Payload payload, const google::protobuf::Message& details) {
  const absl::StatusOr<audit::Details> made = audit::MakeDetails(details);
  if (!made.ok()) return made.status();
  payload.set_details(made->commitment);
  const absl::StatusOr<v1::Envelope> statement = session.Sign(keys, payload);
  if (!statement.ok()) return statement.status();
  return session.Print(session.Send(method, slot, *statement, *made));
}

Outcome Open(Session& session, const OpenOptions& options) {
  const absl::StatusOr<int> matter = ParseEnum(*v1::Matter_descriptor(), options.matter);
  if (!matter.ok()) return matter.status();
  const absl::StatusOr<std::string> necessity = TextOrFile(options.necessity);
  if (!necessity.ok()) return necessity.status();
  v1::CaseOpening payload;
  payload.set_purpose(options.purpose);
  payload.set_legal_basis(options.legal_basis);
  payload.set_matter(static_cast<v1::Matter>(*matter));
  const absl::Status categories = AddCategories(options.categories, payload);
  if (!categories.ok()) return categories;
  v1::CaseDetails details;
  details.set_reference(options.reference);
  details.set_matter_description(options.description);
  details.set_necessity(*necessity);
  return ActWithDetails(session, &Stub::OpenCase, &v1::OpenCaseRequest::mutable_opening,
                        options.keys, payload, details);
}

absl::StatusOr<v1::GetCaseResponse> Get(Session& session, const std::string& name) {
  v1::GetCaseRequest request;
  request.set_name(name);
  absl::StatusOr<v1::GetCaseResponse> all = session.Call(&Stub::GetCase, request);
  while (all.ok() && !all->next_page_token().empty()) {
    request.set_page_token(all->next_page_token());
    const absl::StatusOr<v1::GetCaseResponse> page = session.Call(&Stub::GetCase, request);
    if (!page.ok()) return page;
    all->mutable_case_()->mutable_candidates()->MergeFrom(page->case_().candidates());
    all->set_next_page_token(page->next_page_token());
  }
  return all;
}

// As a statement names it.
std::string DigestText(const std::string& digest) { return digest.empty() ? "none" : digest; }

// From --not-before or --from-now, to --not-after or --days later.
absl::Status SetWindow(const WarrantOptions& options, v1::Warrant& warrant) {
  const int64_t now = Now();
  int64_t begin = now + options.from_now;
  if (!options.not_before.empty()) {
    const absl::StatusOr<int64_t> given = ParseTime(options.not_before, now);
    if (!given.ok()) return given.status();
    begin = *given;
  }
  int64_t end = begin + options.days * kDaySeconds;
  if (!options.not_after.empty()) {
    const absl::StatusOr<int64_t> given = ParseTime(options.not_after, now);
    if (!given.ok()) return given.status();
    end = *given;
  }
  if (end <= begin)
    return UsageError("--days or --not-after: the warrant must end after it begins");
  *warrant.mutable_not_before() = ToTimestamp(begin);
  *warrant.mutable_not_after() = ToTimestamp(end);
  return absl::OkStatus();
}

Outcome IssueWarrant(Session& session, const WarrantOptions& options) {
  v1::Warrant payload;
  payload.set_case_(options.name);
  payload.set_budget(options.budget);
  payload.set_candidate_cap(options.cap);
  const absl::Status window = SetWindow(options, payload);
  if (!window.ok()) return window;
  const absl::Status categories = AddCategories(options.categories, payload);
  if (!categories.ok()) return categories;
  const absl::StatusOr<v1::GetCaseResponse> response = Get(session, options.name);
  if (!response.ok()) return response.status();
  payload.set_opening(response->case_().opening_digest());
  payload.set_follows(DigestText(response->case_().warrant_digest()));
  if (options.categories.empty()) {
    *payload.mutable_subject_categories() = response->case_().opening().subject_categories();
  }
  if (!options.delay_ground.empty()) {
    payload.mutable_notice_delay()->set_ground(options.delay_ground);
    *payload.mutable_notice_delay()->mutable_until() =
        ToTimestamp(Now() + options.delay_days * kDaySeconds);
  }
  return session.Act(&Stub::IssueWarrant, &v1::IssueWarrantRequest::mutable_warrant, options.keys,
                     payload);
}

Outcome Refuse(Session& session, const CaseOptions& options) {
  v1::WarrantRefusal payload;
  payload.set_case_(options.name);
  v1::RefusalDetails details;
  details.set_reasons(options.reasons);
  return ActWithDetails(session, &Stub::RefuseWarrant, &v1::RefuseWarrantRequest::mutable_refusal,
                        options.keys, payload, details);
}

Outcome Approve(Session& session, const CaseOptions& options) {
  const absl::StatusOr<v1::GetCaseResponse> response = Get(session, options.name);
  if (!response.ok()) return response.status();
  v1::CaseApproval payload;
  payload.set_case_(options.name);
  payload.set_opening(response->case_().opening_digest());
  payload.set_warrant(response->case_().warrant_digest());
  return session.Act(&Stub::ApproveCase, &v1::ApproveCaseRequest::mutable_approval, options.keys,
                     payload);
}

Outcome Close(Session& session, const CaseOptions& options) {
  v1::CaseClosing payload;
  payload.set_case_(options.name);
  return session.Act(&Stub::CloseCase, &v1::CloseCaseRequest::mutable_closing, options.keys,
                     payload);
}

Outcome Show(Session& session, const CaseOptions& options) {
  return session.Print(Get(session, options.name));
}

Outcome List(Session& session, const NoOptions&) {
  return session.PrintList(session.CallAllPages<Stub, v1::ListCasesRequest>(&Stub::ListCases),
                           "cases",
                           {{"CASE", "name"},
                            {"STATE", "state"},
                            {"PURPOSE", "purpose"},
                            {"REFERENCE", "details.reference"},
                            {"SEARCHES", "searches"},
                            {"BUDGET", "warrant.budget"},
                            {"UNTIL", "warrant.not_after"},
                            {"OPENED", "opened_at"}});
}

void AddName(base::Verb verb, std::string& name) {
  verb.Text("case", name, "cases/ID").Called("CASE").Required();
}

base::Option AddCategoryOption(base::Verb verb, std::vector<std::string>& categories,
                               const std::string& description) {
  return verb.Repeated("--category", categories, description)
      .OneOf(EnumNames(*v1::SubjectCategory_descriptor()))
      .Called("CATEGORY");
}

void AddWarrantVerb(CommandLine& line, base::Verb group) {
  auto [warrant, options] = line.Verb<WarrantOptions>(
      group, "warrant", "Allow searches within limits (judge)",
      "kluis case warrant cases/... --key judge.key --budget 3 --cap 5 --days 14 \\\n"
      "    --delay-ground \"ongoing investigation\" --delay-days 30",
      IssueWarrant);
  AddName(warrant, options->name);
  AddKeys(warrant, options->keys, "The judge's key");
  warrant
      .Count("--budget", options->budget, "How many searches; a probe that comes again costs two")
      .Called("N")
      .Between(1, 1'000'000)
      .Required();
  warrant.Count("--cap", options->cap, "More matches than this give no candidate at all")
      .Called("N")
      .Between(1, 1'000'000)
      .Required();
  const base::Option days =
      warrant.Count("--days", options->days, "How long it runs").Called("DAYS");
  warrant.Count("--from-now", options->from_now, "When it begins; else at once").Called("SECONDS");
  AddCategoryOption(warrant, options->categories,
                    "Whose templates may be searched; else those of the case; repeatable");
  warrant.Text("--not-before", options->not_before, "Instead of --from-now").Called("TIME");
  warrant.Text("--not-after", options->not_after, "Instead of --days")
      .Called("TIME")
      .Excludes(days);
  const base::Option ground = warrant.Text("--delay-ground", options->delay_ground,
                                           "Why a person found is told later; else at once");
  const base::Option delay = warrant.Count("--delay-days", options->delay_days, "How much later")
                                 .Called("DAYS")
                                 .Between(1, 3650)
                                 .Needs(ground);
  ground.Needs(delay);
}

}  // namespace

void Add(CommandLine& line) {
  base::Verb group = line.Group("case", "Cases: open, decide, follow (officer, judge)");
  auto [open, options] = line.Verb<OpenOptions>(
      group, "open", "Say why a search is strictly necessary (officer)",
      "kluis case open --key anna.key --purpose missing-persons --reference 2026-4711 \\\n"
      "    --legal-basis \"Police Act, article 3\" --matter missing-person --category other \\\n"
      "    --description \"man, about 70, found confused\" --necessity @necessity.txt",
      Open);
  AddKeys(open, options->keys, "The officer's key");
  open.Text("--purpose", options->purpose, "See kluis purpose list").Required();
  open.Text("--reference", options->reference, "The authority's own file number").Required();
  open.Text("--legal-basis", options->legal_basis, "The law that allows it").Required();
  open.Text("--matter", options->matter, "missing-person or offence")
      .OneOf(EnumNames(*v1::Matter_descriptor()))
      .Called("MATTER")
      .Required();
  open.Text("--description", options->description, "What it is about").Required();
  open.Text("--necessity", options->necessity,
            "Why nothing less will do, for this case alone; or @FILE")
      .Called("TEXT")
      .Required();
  AddCategoryOption(open, options->categories, "Whose templates to search; repeatable").Required();

  AddWarrantVerb(line, group);

  auto [refuse, to_refuse] = line.Verb<CaseOptions>(
      group, "refuse", "Refuse a warrant; ends the case and destroys its key (judge)",
      "kluis case refuse cases/... --key judge.key --reasons \"less would do\"", Refuse);
  AddName(refuse, to_refuse->name);
  AddKeys(refuse, to_refuse->keys, "The judge's key");
  refuse.Text("--reasons", to_refuse->reasons, "Why").Required();

  auto [approve, to_approve] =
      line.Verb<CaseOptions>(group, "approve", "Approve as the second officer",
                             "kluis case approve cases/... --key bert.key", Approve);
  AddName(approve, to_approve->name);
  AddKeys(approve, to_approve->keys, "The second officer's key");

  auto [close, to_close] = line.Verb<CaseOptions>(
      group, "close", "End a case (officer)", "kluis case close cases/... --key anna.key", Close);
  AddName(close, to_close->name);
  AddKeys(close, to_close->keys, "The officer's key");

  auto [show, to_show] =
      line.Verb<CaseOptions>(group, "show", "Print a case with its warrant and candidates",
                             "kluis case show cases/...", Show);
  AddName(show, to_show->name);
  line.Verb<NoOptions>(group, "list", "List the cases that the caller may see, newest first",
                       "kluis case list", List);
}

}  // namespace kluis::client::case_verbs
