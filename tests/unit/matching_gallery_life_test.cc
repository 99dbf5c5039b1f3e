// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include "tests/fakes/gallery_peer.h"

namespace kluis::matching::gallery_life_test {
namespace {

using Code = absl::StatusCode;

constexpr std::uint32_t kRowsPerSegment = 848;  // of 512-bit sketches

const Gallery::Options kTemplatesElsewhere = {.cipher = {}, .keep_templates = false};

// People of a database, as a gallery without templates of its own reads them.
class Shelf {
 public:
  void Put(const Algorithm& algorithm, std::uint32_t slot) {
    people_[slot] = Person(algorithm, slot);
  }
  void Take(std::uint32_t slot) { people_.erase(slot); }
  void FailWith(absl::Status status) { status_ = std::move(status); }
  std::size_t reads() const { return reads_; }

  // A query whose templates are read here.
  Query QueryFor(const Algorithm& algorithm, std::span<const float> probe) {
    Query query = matching::QueryFor(algorithm, probe);
    query.source = [this](std::span<const RowRef> rows, const auto& take) {
      ++reads_;
      for (const RowRef& row : rows) {
        const Id id = RowOf(row.slot).record_id;
        EXPECT_TRUE(std::equal(row.record_id_start.begin(), row.record_id_start.end(), id.begin()));
        const auto found = people_.find(row.slot);
        if (found != people_.end()) take(RowOf(row.slot), found->second);
      }
      return status_;
    };
    return query;
  }

 private:
  std::map<std::uint32_t, std::vector<float>> people_;
  absl::Status status_;
  std::size_t reads_ = 0;
};

TEST(GalleryRemove, TakesEffectBeforeItReturns) {
  const auto gallery = GalleryOf(Euclidean(), 200);
  for (const std::uint32_t slot : {0U, 127U, 128U, 199U}) {
    const std::vector<float> probe = Person(Euclidean(), slot);
    ASSERT_EQ(MustScan(*gallery, QueryFor(Euclidean(), probe)).matches, 1U);
    ASSERT_TRUE(gallery->Remove(slot).ok());
    Query everything = QueryFor(Euclidean(), probe);
    everything.cut = 100;
    everything.max_candidates = Gallery::kMaxCandidates;
    const ScanResult result = MustScan(*gallery, everything);
    EXPECT_EQ(result.matches, gallery->size());
    EXPECT_EQ(result.compared, gallery->size());
    for (const Candidate& candidate : result.candidates) EXPECT_NE(candidate.slot, slot);
    EXPECT_EQ(gallery->Remove(slot).code(), Code::kNotFound);
  }
  EXPECT_EQ(gallery->size(), 196U);
}

TEST(GalleryRemove, OverwritesTheRowAndItsTemplateWithZeros) {
  const auto gallery = GalleryOf(Cosine(), 3);
  const std::span<const std::uint8_t> card = GalleryPeer::SealedCard(*gallery, 1);
  const auto is_zero = [](auto value) { return value == 0; };
  EXPECT_FALSE(std::ranges::all_of(card, is_zero));
  ASSERT_TRUE(gallery->Remove(1).ok());
  EXPECT_TRUE(std::ranges::all_of(card, is_zero));
  std::vector<std::uint8_t> plain = GalleryPeer::Open(*gallery, 0);
  const SegmentView view = GalleryPeer::View(*gallery, plain);
  for (std::size_t word = 0; word < view.words_per_sketch; ++word) {
    EXPECT_EQ(view.words[word * 8 + 1], 0U);
    EXPECT_NE(view.words[word * 8], 0U);
  }
  EXPECT_EQ(view.slots[1], 0U);
  EXPECT_EQ(view.expires[1], 0U);
  EXPECT_EQ(view.alignments[1], 0U);
  EXPECT_EQ(view.lengths[1], 0U);
  EXPECT_EQ(view.categories[1], 0U);
  EXPECT_EQ(view.categories[2], 1U);
}

TEST(GalleryRemove, FreesThePlaceForTheNextRow) {
  const auto gallery = GalleryOf(Euclidean(), 2 * kRowsPerSegment);
  const std::size_t bytes = gallery->bytes_resident();
  std::uint32_t next = 10'000;
  for (std::uint32_t slot = 0; slot < 2 * kRowsPerSegment; ++slot) {
    ASSERT_TRUE(gallery->Remove(slot).ok());
    ASSERT_TRUE(gallery->Add(RowOf(next++), Person(Euclidean(), slot)).ok());
  }
  EXPECT_EQ(gallery->size(), 2 * kRowsPerSegment);
  EXPECT_EQ(GalleryPeer::Segments(*gallery), 2U);
  EXPECT_LT(gallery->bytes_resident(), bytes + 16 * 1024);  // the table of slots may grow
}

TEST(GalleryRemove, GivesMemoryBackAndKeepsTheRest) {
  const auto gallery = GalleryOf(Cosine(), 8 * kRowsPerSegment);
  const std::size_t bytes = gallery->bytes_resident();
  std::mt19937_64 random(6);
  std::vector<std::uint32_t> slots(8 * kRowsPerSegment);
  for (std::uint32_t slot = 0; slot < slots.size(); ++slot) slots[slot] = slot;
  std::ranges::shuffle(slots, random);
  const std::size_t kept = 500;
  while (slots.size() > kept) {
    ASSERT_TRUE(gallery->Remove(slots.back()).ok());
    slots.pop_back();
    const std::size_t needed = slots.size() / kRowsPerSegment + 1;
    ASSERT_LE(GalleryPeer::Segments(*gallery), needed * 4 / 3 + 1) << slots.size();
  }
  EXPECT_EQ(GalleryPeer::Segments(*gallery), 1U);
  EXPECT_LT(gallery->bytes_resident(), bytes / 4);
  EXPECT_TRUE(GalleryPeer::BuffersAreWiped(*gallery));

  Query everything = QueryFor(Cosine(), Person(Cosine(), 0));
  const std::vector<float> probe = Person(Cosine(), 0);
  everything.probe = probe;
  everything.cut = -2;
  everything.max_candidates = Gallery::kMaxCandidates;
  const ScanResult result = MustScan(*gallery, everything);
  ASSERT_EQ(result.candidates.size(), kept);
  std::vector<std::uint32_t> left;
  for (const Candidate& candidate : result.candidates) {
    left.push_back(candidate.slot);
    EXPECT_EQ(candidate.record_id, RowOf(candidate.slot).record_id);
  }
  std::ranges::sort(left);
  std::ranges::sort(slots);
  EXPECT_EQ(left, slots);
  for (const std::uint32_t slot : slots) ASSERT_TRUE(gallery->Remove(slot).ok());
  EXPECT_EQ(GalleryPeer::Segments(*gallery), 0U);
  EXPECT_EQ(MustScan(*gallery, everything).compared, 0U);
  EXPECT_TRUE(gallery->Add(RowOf(1), probe).ok());
  EXPECT_EQ(MustScan(*gallery, everything).matches, 1U);
}

TEST(GalleryRemove, ReportsASegmentThatDoesNotAuthenticate) {
  const auto gallery = GalleryOf(Euclidean(), 3);
  GalleryPeer::Sealed(*gallery, 0)[100] ^= 1;
  EXPECT_EQ(gallery->Remove(1).code(), Code::kDataLoss);
  EXPECT_EQ(gallery->SetScope(1, 0, 0).code(), Code::kDataLoss);
  EXPECT_EQ(gallery->Add(RowOf(9), Person(Euclidean(), 9)).code(), Code::kDataLoss);
  EXPECT_EQ(gallery->size(), 3U);
  EXPECT_TRUE(GalleryPeer::BuffersAreWiped(*gallery));
}

TEST(GalleryAdd, RefusesASlotTwiceAndAddsNothingThen) {
  const auto gallery = GalleryOf(Euclidean(), 1);
  EXPECT_EQ(gallery->Add(RowOf(0), Person(Euclidean(), 1)).code(), Code::kAlreadyExists);
  const std::vector<Row> twice = {RowOf(5), RowOf(5)};
  const std::vector<float> templates(256, 0.1F);
  EXPECT_EQ(gallery->Add(twice, templates).code(), Code::kAlreadyExists);
  EXPECT_EQ(gallery->size(), 1U);
  EXPECT_EQ(gallery->Remove(5).code(), Code::kNotFound);
  EXPECT_TRUE(GalleryPeer::BuffersAreWiped(*gallery));
}

TEST(GalleryAdd, RefusesRowsThatDoNotFitTheirTemplates) {
  const auto gallery = NewGallery(Cosine());
  const std::vector<float> good = Person(Cosine(), 0);
  std::vector<float> lengthy = good;
  lengthy[0] = 1.1F;
  EXPECT_EQ(gallery->Add(RowOf(0), lengthy).code(), Code::kInvalidArgument);
  EXPECT_EQ(gallery->Add(RowOf(0), std::span(good).first(511)).code(), Code::kInvalidArgument);
  EXPECT_EQ(gallery->Add(std::span<const Row>(), {}).code(), Code::kInvalidArgument);
  const std::vector<Row> many(Gallery::kMaxRowsPerAdd + 1, RowOf(0));
  EXPECT_EQ(gallery->Add(many, good).code(), Code::kInvalidArgument);
  for (const int category : {3, 255}) {
    Row row = RowOf(0);
    row.category = static_cast<std::uint8_t>(category);
    EXPECT_EQ(gallery->Add(row, good).code(), Code::kInvalidArgument);
  }
  EXPECT_EQ(gallery->size(), 0U);
}

TEST(GallerySetScope, HidesARestrictedRowFromEveryScanUntilItIsLifted) {
  const auto gallery = GalleryOf(Cosine(), 5);
  const std::vector<float> probe = Person(Cosine(), 2);
  Query query = QueryFor(Cosine(), probe);
  query.categories = 0xff;
  const std::int64_t expires = RowOf(2).expires_at;
  ASSERT_TRUE(gallery->SetScope(2, 0, expires).ok());
  EXPECT_EQ(MustScan(*gallery, query).matches, 0U);
  EXPECT_EQ(MustScan(*gallery, query).compared, 4U);
  EXPECT_EQ(gallery->size(), 5U);
  ASSERT_TRUE(gallery->SetScope(2, 4, expires).ok());
  EXPECT_EQ(MustScan(*gallery, query).matches, 1U);
  query.categories = 1;
  EXPECT_EQ(MustScan(*gallery, query).matches, 0U);
  query.categories = 4;
  EXPECT_EQ(MustScan(*gallery, query).compared, 1U);
  ASSERT_TRUE(gallery->SetScope(2, 4, kTestNow).ok());
  EXPECT_EQ(MustScan(*gallery, query).compared, 0U);
  EXPECT_EQ(gallery->SetScope(2, 6, expires).code(), Code::kInvalidArgument);
  EXPECT_EQ(gallery->SetScope(99, 1, expires).code(), Code::kNotFound);
  EXPECT_TRUE(GalleryPeer::BuffersAreWiped(*gallery));
}

TEST(GalleryAdd, TakesARestrictedRowThatNoScanSeesBeforeItHasACategory) {
  const auto gallery = GalleryOf(Cosine(), 2);
  Row row = RowOf(7);
  row.category = 0;
  const std::vector<float> probe = Person(Cosine(), 7);
  ASSERT_TRUE(gallery->Add(row, probe).ok());
  Query query = QueryFor(Cosine(), probe);
  query.categories = 0xff;
  EXPECT_EQ(MustScan(*gallery, query).matches, 0U);
  EXPECT_EQ(MustScan(*gallery, query).compared, 2U);
  ASSERT_TRUE(gallery->SetScope(7, 4, row.expires_at).ok());
  EXPECT_EQ(MustScan(*gallery, query).matches, 1U);
}

TEST(GallerySetScope, KeepsTimesBeyond32BitsUntil2106) {
  const auto gallery = NewGallery(Cosine());
  const std::vector<float> probe = Person(Cosine(), 0);
  Row row = RowOf(0);
  row.expires_at = std::numeric_limits<std::int64_t>::max();
  ASSERT_TRUE(gallery->Add(row, probe).ok());
  row.slot = 1;
  row.expires_at = -5;
  ASSERT_TRUE(gallery->Add(row, probe).ok());
  Query query = QueryFor(Cosine(), probe);
  for (const std::int64_t now : {std::int64_t{0}, kTestNow, std::int64_t{0xfffffffe}}) {
    query.now = now;
    EXPECT_EQ(MustScan(*gallery, query).matches, 1U) << now;
  }
  query.now = 0xffffffff;
  EXPECT_EQ(MustScan(*gallery, query).matches, 0U);
}

TEST(GallerySource, AnswersAsTemplatesInMemoryDo) {
  for (const Algorithm& algorithm : Algorithms()) {
    Shelf shelf;
    const auto gallery = NewGallery(algorithm, kTemplatesElsewhere);
    for (std::uint32_t slot = 0; slot < 200; ++slot) {
      shelf.Put(algorithm, slot);
      ASSERT_TRUE(gallery->Add(RowOf(slot), Person(algorithm, slot)).ok());
    }
    for (const std::uint32_t slot : {0U, 77U, 199U}) {
      const std::vector<float> probe = Person(algorithm, slot);
      const ScanResult result = MustScan(*gallery, shelf.QueryFor(algorithm, probe));
      ASSERT_EQ(result.matches, 1U);
      EXPECT_EQ(result.candidates[0].slot, slot);
      EXPECT_EQ(result.candidates[0].subject_id, RowOf(slot).subject_id);
    }
    shelf.Take(77);  // gone from the database, not yet from the gallery
    const std::vector<float> probe = Person(algorithm, 77);
    EXPECT_EQ(MustScan(*gallery, shelf.QueryFor(algorithm, probe)).matches,
              GalleryPeer::HasCards(*gallery, 0) ? 1U : 0U);
    EXPECT_TRUE(GalleryPeer::BuffersAreWiped(*gallery));
  }
}

TEST(GallerySource, KeepsTemplatesOnlyUntilTheCentreIsLearnt) {
  Shelf shelf;
  for (std::uint32_t slot = 0; slot < 1100; ++slot) shelf.Put(Euclidean(), slot);
  const auto gallery = NewGallery(Euclidean(), kTemplatesElsewhere);
  AddPeople(*gallery, Euclidean(), 0, 1000);
  EXPECT_TRUE(GalleryPeer::HasCards(*gallery, 0));
  const std::vector<float> probe = Person(Euclidean(), 5);
  EXPECT_GE(MustScan(*gallery, shelf.QueryFor(Euclidean(), probe)).matches, 1U);
  EXPECT_EQ(shelf.reads(), 0U);
  AddPeople(*gallery, Euclidean(), 1000, 1100);
  EXPECT_FALSE(GalleryPeer::HasCards(*gallery, 0));
  EXPECT_FALSE(GalleryPeer::HasCards(*gallery, 1));
  EXPECT_GE(MustScan(*gallery, shelf.QueryFor(Euclidean(), probe)).matches, 1U);
  EXPECT_EQ(shelf.reads(), 1U);
  EXPECT_TRUE(GalleryPeer::BuffersAreWiped(*gallery));
}

// Rows that move when segments are given back, and places that are used again, take their record
// along: each survivor is asked for under its own id.
TEST(GallerySource, AsksForTheRecordOfEachRowAlsoWhenRowsMoved) {
  Shelf shelf;
  const auto gallery = NewGallery(Cosine(), kTemplatesElsewhere);
  for (std::uint32_t slot = 0; slot < 2000; ++slot) shelf.Put(Cosine(), slot);
  AddPeople(*gallery, Cosine(), 0, 1000);
  AddPeople(*gallery, Cosine(), 1000, 2000);
  for (std::uint32_t slot = 0; slot < 1000; ++slot) {
    ASSERT_TRUE(gallery->Remove(slot).ok());
  }
  AddPeople(*gallery, Cosine(), 0, 3);
  for (const std::uint32_t slot : {0U, 2U, 1000U, 1501U, 1999U}) {
    const std::vector<float> probe = Person(Cosine(), slot);
    const ScanResult result = MustScan(*gallery, shelf.QueryFor(Cosine(), probe));
    ASSERT_GE(result.matches, 1U) << slot;
    EXPECT_EQ(result.candidates[0].record_id, RowOf(result.candidates[0].slot).record_id);
  }
  EXPECT_TRUE(GalleryPeer::BuffersAreWiped(*gallery));
}

TEST(GallerySource, FailsTheScanWhenItFails) {
  Shelf shelf;
  const auto gallery = NewGallery(Cosine(), kTemplatesElsewhere);
  shelf.Put(Cosine(), 0);
  AddPeople(*gallery, Cosine(), 0, 1);
  const std::vector<float> probe = Person(Cosine(), 0);
  shelf.FailWith(absl::UnavailableError("disk"));
  EXPECT_EQ(gallery->Scan(shelf.QueryFor(Cosine(), probe)).status().code(), Code::kUnavailable);
  shelf.FailWith(absl::OkStatus());
  EXPECT_EQ(MustScan(*gallery, shelf.QueryFor(Cosine(), probe)).matches, 1U);
  EXPECT_EQ(gallery->Scan(QueryFor(Cosine(), probe)).status().code(), Code::kInvalidArgument);
}

TEST(GallerySource, FailsTheScanWhenItReadsWhatIsNoTemplate) {
  std::vector<float> values = Person(Cosine(), 0);
  const auto gallery = NewGallery(Cosine(), kTemplatesElsewhere);
  AddPeople(*gallery, Cosine(), 0, 1);
  const std::vector<float> probe = values;
  Query query = QueryFor(Cosine(), probe);
  query.source = [&values](std::span<const RowRef>, const auto& take) {
    take(RowOf(0), values);
    return absl::OkStatus();
  };
  EXPECT_EQ(MustScan(*gallery, query).matches, 1U);
  values[3] = std::nanf("");
  EXPECT_EQ(gallery->Scan(query).status().code(), Code::kDataLoss);
  values.resize(511);
  EXPECT_EQ(gallery->Scan(query).status().code(), Code::kDataLoss);
  EXPECT_TRUE(GalleryPeer::BuffersAreWiped(*gallery));
}

// People around a mean three times as far from the origin as they are from each other.
std::vector<float> AroundAMean(std::mt19937_64& random) {
  std::normal_distribution<float> normal(0, 0.04F);
  std::vector<float> values(128, 0.13F);
  for (float& value : values) value += normal(random);
  return values;
}

TEST(GalleryCentre, IsLearntFromTheRowsOrGivenAndPrunesThen) {
  std::mt19937_64 random(8);
  std::vector<Row> rows;
  std::vector<float> templates;
  for (std::uint32_t slot = 0; slot < 3000; ++slot) {
    rows.push_back(RowOf(slot));
    const std::vector<float> values = AroundAMean(random);
    templates.insert(templates.end(), values.begin(), values.end());
  }
  const std::vector<float> mean(128, 0.13F);
  const std::vector<float> origin(128, 0.0F);
  std::vector<std::size_t> refined;
  for (const std::span<const float> centre :
       {std::span<const float>(), std::span<const float>(mean), std::span<const float>(origin)}) {
    const auto gallery = NewGallery(Euclidean(), {.cipher = {}, .centre = centre});
    for (std::size_t at = 0; at < 3000; at += 250) {
      ASSERT_TRUE(gallery
                      ->Add(std::span(rows).subspan(at, 250),
                            std::span(templates).subspan(at * 128, 250 * 128))
                      .ok());
    }
    Query query = QueryFor(Euclidean(), std::span(templates).first(128));
    query.cut = 0.3;
    const ScanResult result = MustScan(*gallery, query);
    EXPECT_EQ(result.matches, 1U);
    refined.push_back(result.refined);
  }
  EXPECT_LT(refined[0], 20U);    // learnt
  EXPECT_LT(refined[1], 20U);    // given
  EXPECT_GT(refined[2], 1000U);  // about the origin all of them look the same
}

}  // namespace
}  // namespace kluis::matching::gallery_life_test
