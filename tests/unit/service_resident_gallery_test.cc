// SPDX-License-Identifier: Apache-2.0
// What happens to templates on their way into a gallery, while the log goes on.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "matching/algorithm.h"
#include "service/gallery/resident_gallery.h"

namespace kluis::service::resident_gallery_test {
namespace {

constexpr size_t kDimension = 512;
constexpr int64_t kNow = 1'800'000'000;

const matching::Algorithm& Cosine() { return *matching::FindAlgorithm("arcface-512/1"); }

std::unique_ptr<matching::Gallery> NewGallery() {
  auto gallery = matching::Gallery::Create(Cosine(), {});
  EXPECT_TRUE(gallery.ok()) << gallery.status();
  return *std::move(gallery);
}

v1::TemplateRecord RecordOf(uint32_t slot) {
  v1::TemplateRecord record;
  record.set_id(std::string(16, static_cast<char>(slot)));
  record.set_subject_id(std::string(16, 's'));
  record.set_slot(slot);
  record.set_category(v1::SUBJECT_CATEGORY_VICTIM);
  record.set_expires_at(kNow + 1000);
  return record;
}

// A template that only its own slot matches.
std::vector<float> ValuesOf(uint32_t slot) {
  std::vector<float> values(kDimension);
  values[slot] = 1;
  return values;
}

// As a thread of a load adds what it has opened.
absl::Status Load(ResidentGallery& resident, const std::vector<uint32_t>& slots) {
  std::vector<matching::Row> rows;
  std::vector<float> values;
  for (const uint32_t slot : slots) {
    rows.push_back(*RowOf(RecordOf(slot)));
    const std::vector<float> one = ValuesOf(slot);
    values.insert(values.end(), one.begin(), one.end());
  }
  return resident.AddLoaded(rows, values);
}

size_t MatchesOf(const ResidentGallery& resident, uint32_t slot) {
  const std::vector<float> probe = ValuesOf(slot);
  matching::Query query;
  query.probe = probe;
  query.cut = 0.5;
  query.now = kNow;
  query.categories = CategoryBit(v1::SUBJECT_CATEGORY_VICTIM);
  const auto result = resident.gallery().Scan(query);
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? result->matches : 0;
}

TEST(ResidentGallery, LeavesOutWhatEndedSinceItWasRead) {
  ResidentGallery resident(NewGallery());
  resident.Ended(RecordOf(2));
  EXPECT_TRUE(resident.HasEnded(2));
  ASSERT_TRUE(Load(resident, {1, 2, 3}).ok());
  resident.Finish(absl::OkStatus());
  EXPECT_EQ(resident.gallery().size(), 2u);
  EXPECT_EQ(MatchesOf(resident, 1), 1u);
  EXPECT_EQ(MatchesOf(resident, 2), 0u);
  EXPECT_EQ(MatchesOf(resident, 3), 1u);
}

TEST(ResidentGallery, KeepsARestrictionThatCameSinceItWasRead) {
  ResidentGallery resident(NewGallery());
  v1::TemplateRecord restricted = RecordOf(2);
  restricted.set_restricted(true);
  resident.Restricted(restricted);
  ASSERT_TRUE(Load(resident, {1, 2}).ok());
  resident.Finish(absl::OkStatus());
  EXPECT_EQ(resident.gallery().size(), 2u);
  EXPECT_EQ(MatchesOf(resident, 2), 0u);
  resident.Restricted(RecordOf(2));  // lifted
  EXPECT_EQ(MatchesOf(resident, 2), 1u);
}

TEST(ResidentGallery, TakesOnceWhoEnrolledWhileItLoads) {
  ResidentGallery resident(NewGallery());
  resident.Added(RecordOf(2), ValuesOf(2));
  ASSERT_TRUE(Load(resident, {1, 2, 3}).ok());
  resident.Finish(absl::OkStatus());
  EXPECT_EQ(resident.gallery().size(), 3u);
  EXPECT_EQ(MatchesOf(resident, 2), 1u);
  EXPECT_EQ(resident.Progress().state(), v1::GALLERY_STATE_READY);
  EXPECT_EQ(resident.Progress().loaded(), 3u);
}

// How many there are may have been estimated.
TEST(ResidentGallery, NeverSaysThatMoreAreLoadedThanThereAre) {
  ResidentGallery resident(NewGallery());
  resident.CountMore(2);
  ASSERT_TRUE(Load(resident, {1}).ok());
  EXPECT_EQ(resident.Progress().total(), 2u);
  ASSERT_TRUE(Load(resident, {2, 3}).ok());
  EXPECT_EQ(resident.Progress().loaded(), 3u);
  EXPECT_EQ(resident.Progress().total(), 3u);
}

TEST(ResidentGallery, FailsWhoWaitsWhenTheLoadFailsOrTheGalleryIsDropped) {
  ResidentGallery failed(NewGallery());
  failed.Finish(absl::DataLossError("template: its record is missing"));
  EXPECT_EQ(failed.Wait({}).code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(failed.HasFailed());
  EXPECT_EQ(failed.Progress().state(), v1::GALLERY_STATE_FAILED);

  ResidentGallery dropped(NewGallery());
  dropped.Drop(absl::FailedPreconditionError("case: ended"));
  EXPECT_TRUE(dropped.dropped());
  EXPECT_EQ(dropped.Wait({}).code(), absl::StatusCode::kFailedPrecondition);

  ResidentGallery whole(NewGallery());
  whole.Finish(absl::OkStatus());
  whole.Drop(absl::FailedPreconditionError("case: ended"));
  EXPECT_TRUE(whole.Wait({}).ok());  // a search that has it goes on; its outcome decides
}

TEST(ResidentGallery, IsWaitedForUntilTheDeadlineOrTheCallerGoes) {
  const ResidentGallery resident(NewGallery());
  EXPECT_EQ(resident.Wait({.deadline = std::chrono::system_clock::now(), .cancelled = {}}).code(),
            absl::StatusCode::kDeadlineExceeded);
  Patience gone;
  gone.cancelled = [] { return true; };
  EXPECT_EQ(resident.Wait(gone).code(), absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace kluis::service::resident_gallery_test
