// SPDX-License-Identifier: Apache-2.0
// A gallery that is being loaded while a subject restricts its template, or lifts that: what the
// load read before is not what counts.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "service/gallery/resident_gallery.h"
#include "tests/fakes/gallery_peer.h"

namespace kluis::service::restricted_gallery_test {
namespace {

v1::TemplateRecord Record(uint32_t slot, bool restricted) {
  v1::TemplateRecord record;
  record.set_id(std::string(16, 't'));
  record.set_subject_id(std::string(16, 's'));
  record.set_slot(slot);
  record.set_category(v1::SUBJECT_CATEGORY_VICTIM);
  record.set_expires_at(matching::kTestNow + 1000);
  record.set_restricted(restricted);
  return record;
}

class RestrictedGallery : public testing::Test {
 protected:
  // The load has read `record` and brings it.
  void Load(const v1::TemplateRecord& record) {
    std::vector<matching::Row> rows = {*RowOf(record)};
    std::vector<float> values = matching::Person(matching::Cosine(), record.slot());
    ASSERT_TRUE(gallery_.AddLoaded(rows, values).ok());
  }

  size_t Matches(uint32_t slot) const {
    const std::vector<float> probe = matching::Person(matching::Cosine(), slot);
    matching::Query query = matching::QueryFor(matching::Cosine(), probe);
    query.categories = 0xff;
    return matching::MustScan(gallery_.gallery(), query).matches;
  }

  ResidentGallery gallery_{matching::NewGallery(matching::Cosine())};
};

TEST_F(RestrictedGallery, TakesInAsRestrictedWhatWasRestrictedAfterItWasRead) {
  gallery_.Restricted(Record(1, true));
  Load(Record(1, false));
  Load(Record(2, false));
  gallery_.Finish(absl::OkStatus());
  EXPECT_EQ(Matches(1), 0u);
  EXPECT_EQ(Matches(2), 1u);
}

TEST_F(RestrictedGallery, TakesInAsBeforeWhatWasLiftedAfterItWasRead) {
  gallery_.Restricted(Record(1, true));
  gallery_.Restricted(Record(1, false));
  Load(Record(1, true));
  gallery_.Finish(absl::OkStatus());
  EXPECT_EQ(Matches(1), 1u);
}

TEST_F(RestrictedGallery, FollowsWhatIsInAlreadyAlsoBeforeItIsWhole) {
  Load(Record(1, false));
  gallery_.Restricted(Record(1, true));
  EXPECT_EQ(Matches(1), 0u);
  gallery_.Finish(absl::OkStatus());
  EXPECT_EQ(Matches(1), 0u);
  gallery_.Restricted(Record(1, false));
  EXPECT_EQ(Matches(1), 1u);
}

TEST_F(RestrictedGallery, TakesInAReplacementThatIsRestricted) {
  gallery_.Finish(absl::OkStatus());
  gallery_.Added(Record(3, true), matching::Person(matching::Cosine(), 3));
  EXPECT_EQ(Matches(3), 0u);
  gallery_.Restricted(Record(3, false));
  EXPECT_EQ(Matches(3), 1u);
  EXPECT_FALSE(gallery_.HasFailed());
}

}  // namespace
}  // namespace kluis::service::restricted_gallery_test
