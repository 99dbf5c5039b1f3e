// SPDX-License-Identifier: Apache-2.0
// A gallery in a real vault: loaded when its case becomes active, waited for within a search's
// deadline, gone with the last case, and the same answers wherever its templates are kept.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/id.h"
#include "gtest/gtest.h"
#include "policy/decide.h"
#include "policy/record_key.h"
#include "service/acts/search.h"
#include "storage/database.h"
#include "storage/layout.h"
#include "tests/fakes/kept_vault.h"
#include "tests/fakes/scratch_directory.h"
#include "tests/fakes/test_vault.h"

namespace kluis::gallery_life_test {
namespace {

constexpr char kPurpose[] = "missing-person-identification";

// Holds the threads of a load at the end of their first batch until Release.
class HeldLoad {
 public:
  explicit HeldLoad(TestVault& vault) {
    vault.vault().galleries().TellLoads([state = state_] {
      std::unique_lock lock(state->mutex);
      ++state->batches;
      state->changed.notify_all();
      state->changed.wait(lock, [&] { return state->released; });
    });
  }
  ~HeldLoad() { Release(); }

  void WaitUntilHeld() {
    std::unique_lock lock(state_->mutex);
    EXPECT_TRUE(state_->changed.wait_for(lock, std::chrono::seconds(20),
                                         [this] { return state_->batches > 0; }));
  }
  unsigned batches() const {
    const std::lock_guard lock(state_->mutex);
    return state_->batches;
  }
  void Release() {
    const std::lock_guard lock(state_->mutex);
    state_->released = true;
    state_->changed.notify_all();
  }

 private:
  struct State {
    std::mutex mutex;  // guards the rest
    std::condition_variable changed;
    unsigned batches = 0;
    bool released = false;
  };
  const std::shared_ptr<State> state_ =
      std::make_shared<State>();  // the load's threads have it too
};

std::vector<Person> EnrolPeople(const TestVault& vault, int count) {
  std::vector<Person> people;
  for (int i = 0; i < count; ++i) {
    people.push_back(vault.NewPerson());
    Must(vault.Enroll(people.back()), "enrol");
  }
  return people;
}

v1::Case Show(const TestVault& vault, const std::string& name) {
  v1::GetCaseRequest request;
  request.set_name(name);
  return Must(vault.Call("officer/one", &v1::CaseService::Stub::GetCase, request), "show").case_();
}

v1::GalleryState StateOf(const TestVault& vault, const std::string& name) {
  return Show(vault, name).gallery().state();
}

bool BecomesReady(const TestVault& vault, const std::string& name) {
  return Eventually([&] { return StateOf(vault, name) == v1::GALLERY_STATE_READY; });
}

TEST(GalleryLoad, BeginsWhenTheCaseBecomesActiveAndShowsHowFarItIs) {
  TestVault vault;
  EnrolPeople(vault, 150);
  HeldLoad held(vault);
  const std::string name = vault.ActiveCase();
  held.WaitUntilHeld();
  v1::GalleryLoad load = Show(vault, name).gallery();
  EXPECT_EQ(load.state(), v1::GALLERY_STATE_LOADING);
  EXPECT_EQ(load.total(), 150u);
  EXPECT_LE(load.loaded(), 150u);
  EXPECT_GT(load.loaded(), 0u);
  held.Release();
  EXPECT_TRUE(BecomesReady(vault, name));
  load = Show(vault, name).gallery();
  EXPECT_EQ(load.loaded(), 150u);
  EXPECT_EQ(load.total(), 150u);
}

// What a crash would leave, of the files as they are, without what the process has in its buffers.
class Leavings {
 public:
  explicit Leavings(TestVault& vault) {
    std::error_code ignored;  // of a file that goes meanwhile: the database says what is missing
    std::filesystem::copy(vault.config().vault.data, scratch_.path() + "/data",
                          std::filesystem::copy_options::recursive, ignored);
    auto opened = storage::Database::Open({scratch_.path() + "/data", false, nullptr});
    if (opened.ok()) database_ = *std::move(opened);
  }

  bool HasEntry(const std::string& method, uint64_t from) const {
    for (uint64_t index = from;; ++index) {
      const std::optional<std::string> stored =
          Get(storage::Column::kLog, storage::EntryKey(index));
      v1::Entry entry;
      if (!stored.has_value() || !entry.ParseFromString(*stored)) return false;
      if (entry.command().method() == method) return true;
    }
  }
  bool HasRow(const std::string& key) const {
    return Get(storage::Column::kDetails, key).has_value();
  }

 private:
  std::optional<std::string> Get(storage::Column column, const std::string& key) const {
    return database_ == nullptr ? std::nullopt : database_->Get(column, key).value_or(std::nullopt);
  }

  const ScratchDirectory scratch_;
  std::unique_ptr<storage::Database> database_;  // null: it does not open
};

TEST(SearchIntent, IsOnDiskBeforeAnythingIsScanned) {
  TestVault vault([](service::Config& config) { config.audit.checkpoint_seconds = 3600; });
  const std::vector<Person> people = EnrolPeople(vault, 3);
  HeldLoad held(vault);
  const std::string name = vault.ActiveCase();
  held.WaitUntilHeld();
  const uint64_t before = vault.vault().ledger().size();
  auto search = std::async(std::launch::async,
                           [&] { return vault.Identify(name, vault.Face(people[0], 1)); });
  bool found = false;
  for (int i = 0; i < 50 && !found; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    found = Leavings(vault).HasEntry("Identify", before);
  }
  EXPECT_TRUE(found);
  held.Release();
  EXPECT_TRUE(search.get().ok());
}

TEST(GalleryLoad, OfASweepBeginsOnceWhatItReadIsOnDisk) {
  TestVault vault([](service::Config& config) { config.audit.checkpoint_seconds = 3600; });
  EnrolPeople(vault, 3);
  vault.ActiveCase(10, [&](v1::Warrant& warrant) {
    warrant.mutable_not_before()->set_seconds(vault.now() + kHour);
  });
  HeldLoad held(vault);
  vault.Advance(2 * kHour);
  storage::Batch batch;  // as another thread's act that is written and not synced yet
  batch.Put(storage::Column::kDetails, "visible", "row");
  ASSERT_TRUE(vault.vault().database().Write(std::move(batch)).ok());
  EXPECT_FALSE(Leavings(vault).HasRow("visible"));
  ASSERT_TRUE(vault.vault().sweeper().SweepOnce().ok());
  held.WaitUntilHeld();
  EXPECT_TRUE(Leavings(vault).HasRow("visible"));
}

TEST(GalleryLoad, BeginsAtAStartForCasesWhoseWarrantRunsAndNoOther) {
  TestVault vault;
  const std::vector<Person> people = EnrolPeople(vault, 3);
  const std::string name = vault.ActiveCase(10, [&](v1::Warrant& warrant) {
    warrant.mutable_not_before()->set_seconds(vault.now() + kHour);
  });
  EXPECT_EQ(StateOf(vault, name), v1::GALLERY_STATE_ABSENT);
  vault.Restart();
  EXPECT_EQ(StateOf(vault, name), v1::GALLERY_STATE_ABSENT);
  vault.Advance(2 * kHour);
  vault.Sweep();
  EXPECT_TRUE(BecomesReady(vault, name));
  vault.Restart();
  EXPECT_TRUE(BecomesReady(vault, name));
  EXPECT_EQ(vault.Identify(name, vault.Face(people[1], 1))->result(), v1::SEARCH_RESULT_MATCH);
}

TEST(GalleryLoad, FollowsWhatIsEnrolledAndWithdrawnMeanwhile) {
  TestVault vault;
  const std::vector<Person> people = EnrolPeople(vault, 140);
  HeldLoad held(vault);
  const std::string name = vault.ActiveCase();
  held.WaitUntilHeld();
  const Person later = vault.NewPerson();
  Must(vault.Enroll(later), "enrol");
  for (size_t i = 0; i < people.size(); i += 10) Must(vault.Withdraw(people[i]), "withdraw");
  held.Release();
  ASSERT_TRUE(BecomesReady(vault, name));
  EXPECT_EQ(Show(vault, name).gallery().loaded(), 140u - 14 + 1);
  EXPECT_EQ(vault.Identify(name, vault.Face(later, 1))->result(), v1::SEARCH_RESULT_MATCH);
  EXPECT_EQ(vault.Identify(name, vault.Face(people[10], 1))->result(), v1::SEARCH_RESULT_NO_MATCH);
  EXPECT_EQ(vault.Identify(name, vault.Face(people[11], 1))->result(), v1::SEARCH_RESULT_MATCH);
}

TEST(GalleryLoad, HasAGrantThatSearchesNothing) {
  TestVault vault;
  const std::vector<Person> people = EnrolPeople(vault, 1);
  const std::string name = vault.ActiveCase();
  const auto kase = policy::Find<v1::CaseRecord>(
      vault.vault().state(), policy::key::Case(policy::IdInName(name, "cases")));
  ASSERT_TRUE(kase.ok() && kase->has_value());
  const auto grant = policy::GrantToLoad(vault.vault().state(), **kase, vault.now());
  ASSERT_TRUE(grant.ok() && grant->has_value());
  const auto room = vault.vault().galleries().Room(kPurpose);
  ASSERT_TRUE(room.ok());
  const auto probe = service::ProtectProbe(**room, vault.Face(people[0], 1));
  ASSERT_TRUE(probe.ok());
  grpc::ServerContext context;
  service::Call call;
  call.context = &context;
  call.deadline = std::chrono::system_clock::now() + std::chrono::seconds(10);
  EXPECT_EQ(service::SearchGallery(vault.vault(), call, **grant, vault.now(), **room, *probe)
                .status()
                .code(),
            absl::StatusCode::kPermissionDenied);
}

TEST(GalleryLoad, IsWaitedForNoLongerThanTheSearchsDeadline) {
  TestVault vault([](service::Config& config) { config.server.deadline_seconds = 2; });
  const std::vector<Person> people = EnrolPeople(vault, 2);
  HeldLoad held(vault);
  const std::string name = vault.ActiveCase();
  held.WaitUntilHeld();
  const auto late = vault.Identify(name, vault.Face(people[0], 1));
  EXPECT_EQ(late.status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_EQ(late.reason, "GALLERY_LOADING");
  EXPECT_EQ(vault.EntryAt(*late.log_index).command().search_outcome().result(),
            v1::SEARCH_RESULT_ABORTED);
  EXPECT_EQ(StateOf(vault, name), v1::GALLERY_STATE_LOADING);  // and goes on
  held.Release();
  EXPECT_TRUE(BecomesReady(vault, name));
  const auto again = vault.Identify(name, vault.Face(people[0], 1));
  ASSERT_TRUE(again.ok()) << again.reason;
  EXPECT_EQ(again->result(), v1::SEARCH_RESULT_MATCH);
  EXPECT_FALSE(again->repeated_probe()) << "it had no answer before";
  EXPECT_TRUE(vault.Identify(name, vault.Face(people[0], 1))->repeated_probe());
}

TEST(GalleryLoad, EndsWithTheLastCaseAndTellsWhoWaitsForIt) {
  TestVault vault;
  const std::vector<Person> people = EnrolPeople(vault, 300);
  HeldLoad held(vault);
  const std::string name = vault.ActiveCase();
  held.WaitUntilHeld();
  Reply<v1::IdentifyResponse> waited;
  std::thread search([&] { waited = vault.Identify(name, vault.Face(people[0], 1)); });
  ASSERT_TRUE(Eventually([&] { return vault.vault().search_queue().InFlight(kPurpose) == 1; }));
  Must(vault.Close(name), "close");
  search.join();
  EXPECT_FALSE(waited.ok());
  EXPECT_EQ(vault.vault().galleries().All().size(), 0u);
  held.Release();
  EXPECT_TRUE(Eventually([&] { return vault.vault().galleries().LoadsUnderWay() == 0; }));
  EXPECT_LE(held.batches(), std::thread::hardware_concurrency());  // one of each thread
}

// Sealing waits for all calls, so it must not wait for the load that a call waits for.
TEST(GalleryLoad, IsEndedBySealingAndTellsWhoWaitsForIt) {
  TestVault vault;
  const std::vector<Person> people = EnrolPeople(vault, 300);
  HeldLoad held(vault);
  const std::string name = vault.ActiveCase();
  held.WaitUntilHeld();
  Reply<v1::IdentifyResponse> waited;
  std::thread search([&] { waited = vault.Identify(name, vault.Face(people[0], 1)); });
  ASSERT_TRUE(Eventually([&] { return Show(vault, name).searches() == 1; }));
  std::thread seal([&] {
    service::Act act;
    act.kind = v1::LOG_KIND_UPKEEP;
    act.command.set_method("SealVault");
    act.command.mutable_caller()->set_role(v1::ROLE_OPERATOR);
    act.command.mutable_caller()->set_name("one");
    EXPECT_TRUE(vault.vault().Seal(std::move(act)).ok());
  });
  search.join();  // while the load is held
  EXPECT_EQ(waited.reason, "VAULT_SEALED");
  held.Release();
  seal.join();
  EXPECT_TRUE(Must(vault.Call("operator/one", &v1::VaultService::Stub::GetVaultStatus,
                              v1::GetVaultStatusRequest()),
                   "status")
                  .seal()
                  .sealed());
}

TEST(SearchQueue, RefusesOneMoreBeforeItCostsAnything) {
  TestVault vault([](service::Config& config) { config.gallery.queue = 2; });
  const std::vector<Person> people = EnrolPeople(vault, 2);
  HeldLoad held(vault);
  const std::string name = vault.ActiveCase(3);
  held.WaitUntilHeld();
  std::vector<std::thread> searches;
  std::atomic<int> matches = 0;
  for (int i = 0; i < 2; ++i) {
    searches.emplace_back([&, i] {
      const auto reply = vault.Identify(name, vault.Face(people[static_cast<size_t>(i)], 1));
      if (reply.ok() && reply->result() == v1::SEARCH_RESULT_MATCH) ++matches;
    });
  }
  // Their intents are in the log: both wait for the load.
  ASSERT_TRUE(Eventually([&] { return Show(vault, name).searches() == 2; }));
  const uint64_t before = vault.vault().ledger().size();
  v1::IdentifyRequest request = vault.IdentifyRequestOf(name, vault.Face(people[0], 2));
  request.set_request_id("00000000-0000-4000-8000-000000000001");
  const auto refused = vault.Call("officer/one", &v1::SearchService::Stub::Identify, request);
  EXPECT_EQ(refused.status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(refused.reason, "SEARCH_QUEUE_FULL");
  EXPECT_FALSE(refused.log_index.has_value());
  EXPECT_EQ(vault.vault().ledger().size(), before);
  EXPECT_EQ(Show(vault, name).searches(), 2u);

  held.Release();
  for (std::thread& search : searches) search.join();
  EXPECT_EQ(matches, 2);
  // The same request, under the same id: nothing was decided about it.
  EXPECT_EQ(Must(vault.Call("officer/one", &v1::SearchService::Stub::Identify, request), "again")
                .result(),
            v1::SEARCH_RESULT_MATCH);
  EXPECT_EQ(Show(vault, name).searches(), 3u);
}

// Searches for everybody, by two captures of each, in a case of its own.
std::vector<v1::SearchResult> SearchAll(const TestVault& vault, const std::vector<Person>& people) {
  const std::string name = vault.ActiveCase();
  std::vector<v1::SearchResult> results;
  for (const Person& person : people) {
    for (const uint32_t capture : {1u, 2u}) {
      const auto reply = Must(vault.Identify(name, vault.Face(person, capture)), "identify");
      EXPECT_EQ(reply.matches(), static_cast<uint32_t>(reply.candidates_size()));
      results.push_back(reply.result());
    }
  }
  return results;
}

size_t CountMatches(const std::vector<v1::SearchResult>& results) {
  return static_cast<size_t>(std::count(results.begin(), results.end(), v1::SEARCH_RESULT_MATCH));
}

// Searches with templates in memory and then on disk, from where it goes on.
void ExpectTheSameFromMemoryAndDisk(TestVault& vault, const std::vector<Person>& people,
                                    size_t there) {
  vault.config().gallery.refine = service::kRefineInMemory;
  vault.Restart();
  const std::vector<v1::SearchResult> in_memory = SearchAll(vault, people);
  vault.config().gallery.refine = service::kRefineOnDisk;
  vault.Restart();
  EXPECT_EQ(SearchAll(vault, people), in_memory);
  EXPECT_GT(CountMatches(in_memory), 2 * there - there / 2);
  EXPECT_LE(CountMatches(in_memory), 2 * there);
}

TEST(RefineOnDisk, FindsTheSameThroughWithdrawalReplacementAndRotation) {
  TestVault vault;
  std::vector<Person> people;
  std::vector<std::string> records;
  for (int i = 0; i < 8; ++i) {
    people.push_back(vault.NewPerson());
    records.push_back(Must(vault.Enroll(people.back()), "enrol").template_record());
  }
  ExpectTheSameFromMemoryAndDisk(vault, people, 8);

  // In a gallery that is loaded already, whose templates are on disk.
  Must(vault.Withdraw(people[0]), "withdraw");
  TestWorld::Terms terms;
  terms.replaces = records[1];
  terms.capture = 3;
  Must(vault.Enroll(people[1], terms), "replace");
  const std::vector<v1::SearchResult> followed = SearchAll(vault, people);
  EXPECT_EQ(CountMatches({followed.begin(), followed.begin() + 2}), 0u);
  EXPECT_GT(CountMatches({followed.begin() + 2, followed.begin() + 4}), 0u);
  Must(vault.Rotate(), "rotate");
  EXPECT_EQ(SearchAll(vault, people), followed);
  ExpectTheSameFromMemoryAndDisk(vault, people, 7);
}

TEST(RefineOnDisk, TakesATemplateThatIsGoneForMissingAndOneThatIsDamagedForALoss) {
  TestVault vault([](service::Config& config) { config.gallery.refine = service::kRefineOnDisk; });
  const Person person = vault.NewPerson();
  const std::string id =
      policy::IdInName(Must(vault.Enroll(person), "enrol").template_record(), "templates");
  const std::string name = vault.ActiveCase();
  ASSERT_TRUE(BecomesReady(vault, name));
  const std::string key = storage::TemplateKey(*base::IdFromBytes(id));
  std::string row = **vault.vault().database().Get(storage::Column::kSealed, key);
  row[30] = static_cast<char>(row[30] ^ 1);
  storage::Batch batch;
  batch.Put(storage::Column::kSealed, key, row);
  ASSERT_TRUE(vault.vault().database().WriteSynced(std::move(batch)).ok());
  EXPECT_EQ(vault.Identify(name, vault.Face(person, 1)).status.error_code(),
            grpc::StatusCode::DATA_LOSS);

  // The state alone says that it ended: the gallery has not heard of it yet.
  v1::RecordChange change;
  *change.mutable_template_() =
      **policy::Find<v1::TemplateRecord>(vault.vault().state(), policy::key::Template(id));
  change.mutable_template_()->set_state(v1::TEMPLATE_STATE_ERASING);
  const policy::RecordWrite write = policy::Apply(change);
  storage::Batch ended;
  ended.Put(storage::Column::kState, write.key, *write.value);
  ASSERT_TRUE(vault.vault().database().WriteSynced(std::move(ended)).ok());
  EXPECT_EQ(Must(vault.Identify(name, vault.Face(person, 1)), "identify").result(),
            v1::SEARCH_RESULT_NO_MATCH);
}

TEST(VaultStatus, TellsWhatAGalleryCosts) {
  TestVault vault;
  const std::vector<Person> people = EnrolPeople(vault, 10);
  const std::string name = vault.ActiveCase();
  ASSERT_TRUE(BecomesReady(vault, name));
  v1::GetVaultStatusResponse status = vault.Status();
  ASSERT_EQ(status.galleries_size(), 1);
  EXPECT_EQ(status.galleries(0).state(), v1::GALLERY_STATE_READY);
  EXPECT_EQ(status.galleries(0).loaded(), 10u);
  EXPECT_EQ(status.galleries(0).searches(), 0u);
  EXPECT_EQ(status.galleries(0).templates_per_second(), 0u);
  for (const Person& person : people) Must(vault.Identify(name, vault.Face(person, 1)), "identify");
  status = vault.Status();
  const v1::GetVaultStatusResponse::Gallery& gallery = status.galleries(0);
  EXPECT_EQ(gallery.purpose(), kPurpose);
  EXPECT_EQ(gallery.size(), 10u);
  EXPECT_EQ(gallery.searches(), 10u);
  EXPECT_EQ(gallery.bytes_per_template(), (gallery.resident_bytes() + 5) / 10);
  EXPECT_GT(gallery.templates_per_second(), 0u);
  EXPECT_EQ(gallery.survivors(), 0u) << "of whole 64 searches only";
  EXPECT_GE(gallery.queue_max_microseconds(), gallery.queue_mean_microseconds());
  EXPECT_EQ(gallery.in_flight(), 0u);
  EXPECT_EQ(gallery.queue(), 256u);
}

}  // namespace
}  // namespace kluis::gallery_life_test
