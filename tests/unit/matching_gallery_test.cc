// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <limits>
#include <memory>
#include <random>
#include <vector>

#include "tests/fakes/gallery_peer.h"

namespace kluis::matching::gallery_test {
namespace {

using Code = absl::StatusCode;

constexpr std::uint32_t kRowsPerSegment = 848;  // of 512-bit sketches

TEST(GalleryScan, FindsThePersonAndNobodyElse) {
  for (const Algorithm& algorithm : Algorithms()) {
    const auto gallery = GalleryOf(algorithm, 200);
    EXPECT_EQ(gallery->size(), 200U);
    for (const std::uint32_t slot : {0U, 63U, 127U, 128U, 199U}) {
      const std::vector<float> probe = Person(algorithm, slot);
      const ScanResult result = MustScan(*gallery, QueryFor(algorithm, probe));
      EXPECT_EQ(result.matches, 1U);
      EXPECT_EQ(result.compared, 200U);
      ASSERT_EQ(result.candidates.size(), 1U);
      EXPECT_EQ(result.candidates[0].slot, slot);
      EXPECT_EQ(result.candidates[0].record_id, RowOf(slot).record_id);
      EXPECT_EQ(result.candidates[0].subject_id, RowOf(slot).subject_id);
    }
  }
}

TEST(GalleryScan, OfAnEmptyGalleryComparesNothing) {
  const auto gallery = NewGallery(Cosine());
  const std::vector<float> probe = Person(Cosine(), 0);
  const ScanResult result = MustScan(*gallery, QueryFor(Cosine(), probe));
  EXPECT_EQ(result.compared, 0U);
  EXPECT_EQ(result.matches, 0U);
}

TEST(GalleryScan, OrdersBestFirstAndCountsBeyondTheLimit) {
  const auto gallery = NewGallery(Euclidean());
  for (std::uint32_t slot = 0; slot < 100; ++slot) {  // the higher the slot, the nearer
    std::vector<float> values = Person(Euclidean(), 0);
    values[1] = 0.01F * static_cast<float>(100 - slot);  // each more than 1 / 127 from the next
    ASSERT_TRUE(gallery->Add(RowOf(slot), values).ok());
  }
  const std::vector<float> probe = Person(Euclidean(), 0);
  Query query = QueryFor(Euclidean(), probe);
  query.cut = 0.2005;
  query.max_candidates = 3;
  ScanResult result = MustScan(*gallery, query);
  EXPECT_EQ(result.matches, 20U);
  ASSERT_EQ(result.candidates.size(), 3U);
  EXPECT_EQ(result.candidates[0].slot, 99U);
  EXPECT_EQ(result.candidates[1].slot, 98U);
  EXPECT_EQ(result.candidates[2].slot, 97U);
  query.max_candidates = 0;
  result = MustScan(*gallery, query);
  EXPECT_EQ(result.matches, 20U);
  EXPECT_TRUE(result.candidates.empty());
}

TEST(GalleryScan, OrdersEqualsBySlot) {
  const auto gallery = NewGallery(Euclidean());
  for (const std::uint32_t slot : {9U, 3U, 400U, 7U, 1U}) {
    ASSERT_TRUE(gallery->Add(RowOf(slot), Person(Euclidean(), 0)).ok());
  }
  const std::vector<float> probe = Person(Euclidean(), 0);
  Query query = QueryFor(Euclidean(), probe);
  query.max_candidates = 3;
  const ScanResult result = MustScan(*gallery, query);
  ASSERT_EQ(result.candidates.size(), 3U);
  EXPECT_EQ(result.candidates[0].slot, 1U);
  EXPECT_EQ(result.candidates[1].slot, 3U);
  EXPECT_EQ(result.candidates[2].slot, 7U);
}

TEST(GalleryScan, MatchesUntilTheSecondBeforeExpiryOnly) {
  const auto gallery = GalleryOf(Cosine(), 1);
  const std::vector<float> probe = Person(Cosine(), 0);
  Query query = QueryFor(Cosine(), probe);
  query.now = RowOf(0).expires_at - 1;
  EXPECT_EQ(MustScan(*gallery, query).matches, 1U);
  for (const std::int64_t after : {0, 1, 1'000'000}) {
    query.now = RowOf(0).expires_at + after;
    const ScanResult result = MustScan(*gallery, query);
    EXPECT_EQ(result.matches, 0U) << after;
    EXPECT_EQ(result.compared, 0U) << after;
    EXPECT_TRUE(result.candidates.empty()) << after;
  }
}

TEST(GalleryScan, LeavesOutCategoriesThatWereNotAskedFor) {
  const auto gallery = NewGallery(Cosine());
  for (std::uint32_t bit = 0; bit < 8; ++bit) {
    Row row = RowOf(bit);
    row.category = static_cast<std::uint8_t>(1 << bit);
    ASSERT_TRUE(gallery->Add(row, Person(Cosine(), 0)).ok());
  }
  const std::vector<float> probe = Person(Cosine(), 0);
  Query query = QueryFor(Cosine(), probe);
  for (unsigned mask = 0; mask < 256; ++mask) {
    query.categories = static_cast<std::uint8_t>(mask);
    const ScanResult result = MustScan(*gallery, query);
    EXPECT_EQ(result.compared, static_cast<std::size_t>(std::popcount(mask)));
    for (const Candidate& candidate : result.candidates) {
      EXPECT_NE(mask & 1U << candidate.slot, 0U);
    }
  }
}

TEST(GalleryScan, RefusesAProbeThatIsNotProtectedAndBadLimits) {
  const auto gallery = GalleryOf(Cosine(), 1);
  const std::vector<float> good = Person(Cosine(), 0);
  std::vector<float> lengthy = good;
  lengthy[0] = 2;
  std::vector<float> nan = good;
  nan[5] = std::numeric_limits<float>::quiet_NaN();
  for (const std::vector<float>& bad : {lengthy, nan, std::vector<float>(511, 0.04F)}) {
    EXPECT_EQ(gallery->Scan(QueryFor(Cosine(), bad)).status().code(), Code::kInvalidArgument);
  }
  Query query = QueryFor(Cosine(), good);
  query.cut = std::nan("");
  EXPECT_EQ(gallery->Scan(query).status().code(), Code::kInvalidArgument);
  query = QueryFor(Cosine(), good);
  query.max_candidates = Gallery::kMaxCandidates + 1;
  EXPECT_EQ(gallery->Scan(query).status().code(), Code::kInvalidArgument);
}

TEST(GalleryScan, StopsWhenAskedWithoutAResult) {
  const auto gallery = GalleryOf(Euclidean(), 10 * kRowsPerSegment);
  const std::vector<float> probe = Person(Euclidean(), 0);
  Query query = QueryFor(Euclidean(), probe);
  for (int after = 0; after < 2; ++after) {  // it is asked every 8 segments
    std::atomic<int> asked = 0;
    query.should_stop = [&asked, after] { return asked++ >= after; };
    EXPECT_EQ(gallery->Scan(query).status().code(), Code::kCancelled);
    EXPECT_TRUE(GalleryPeer::BuffersAreWiped(*gallery));
  }
  query.should_stop = [] { return false; };
  EXPECT_EQ(MustScan(*gallery, query).compared, 10 * kRowsPerSegment);
}

TEST(GalleryScan, LeavesNoPlaintextInItsBuffers) {
  for (const std::size_t threads : {1, 2, 3}) {
    const auto gallery = NewGallery(Euclidean(), {.threads = threads, .cipher = {}});
    for (std::uint32_t slot = 0; slot < 300; ++slot) {
      ASSERT_TRUE(gallery->Add(RowOf(slot), Person(Euclidean(), slot)).ok());
    }
    EXPECT_TRUE(GalleryPeer::BuffersAreWiped(*gallery));
    const std::vector<float> probe = Person(Euclidean(), 7);
    EXPECT_GE(MustScan(*gallery, QueryFor(Euclidean(), probe)).matches, 1U);
    EXPECT_TRUE(GalleryPeer::BuffersAreWiped(*gallery));
    ASSERT_TRUE(gallery->Remove(7).ok());
    EXPECT_TRUE(GalleryPeer::BuffersAreWiped(*gallery));
  }
}

TEST(GalleryScan, FailsOnAnyAlteredBitOfASegment) {
  const auto gallery = GalleryOf(Euclidean(), kRowsPerSegment + 1);
  const std::vector<float> probe = Person(Euclidean(), 0);
  const Query query = QueryFor(Euclidean(), probe);
  ASSERT_TRUE(gallery->Scan(query).ok());
  const std::span<std::uint8_t> sealed = GalleryPeer::Sealed(*gallery, 1);
  // Every bit of the head, of the first sketches and of the tag; elsewhere one bit in each 61
  // bytes.
  for (std::size_t byte = 0; byte < sealed.size(); ++byte) {
    const bool every_bit = byte < 80 || byte + 32 > sealed.size();
    if (!every_bit && byte % 61 != 0) continue;
    for (unsigned bit = every_bit ? 0 : byte % 8; bit < 8; bit += every_bit ? 1 : 8) {
      sealed[byte] ^= static_cast<std::uint8_t>(1U << bit);
      ASSERT_EQ(gallery->Scan(query).status().code(), Code::kDataLoss) << byte << "." << bit;
      sealed[byte] ^= static_cast<std::uint8_t>(1U << bit);
    }
  }
  EXPECT_TRUE(GalleryPeer::BuffersAreWiped(*gallery));
  EXPECT_TRUE(gallery->Scan(query).ok());
}

TEST(GalleryScan, FailsOnAnyAlteredBitOfASurvivorsTemplate) {
  const auto gallery = GalleryOf(Euclidean(), 3);
  const std::vector<float> probe = Person(Euclidean(), 1);
  const Query query = QueryFor(Euclidean(), probe);
  const std::span<std::uint8_t> sealed = GalleryPeer::SealedCard(*gallery, 1);
  for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    sealed[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
    ASSERT_EQ(gallery->Scan(query).status().code(), Code::kDataLoss) << bit;
    sealed[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
  }
  EXPECT_TRUE(GalleryPeer::BuffersAreWiped(*gallery));
  EXPECT_EQ(MustScan(*gallery, query).matches, 1U);
}

TEST(GalleryScan, FailsWhenSegmentsOrTemplatesAreSwappedOrAnOldOneIsPutBack) {
  const auto gallery = GalleryOf(Euclidean(), 2 * kRowsPerSegment);
  const std::vector<float> probe = Person(Euclidean(), 5);
  const Query query = QueryFor(Euclidean(), probe);
  std::ranges::swap_ranges(GalleryPeer::Sealed(*gallery, 0), GalleryPeer::Sealed(*gallery, 1));
  EXPECT_EQ(gallery->Scan(query).status().code(), Code::kDataLoss);
  std::ranges::swap_ranges(GalleryPeer::Sealed(*gallery, 0), GalleryPeer::Sealed(*gallery, 1));
  EXPECT_TRUE(gallery->Scan(query).ok());

  const auto swap_cards = [&] {
    std::ranges::swap_ranges(GalleryPeer::SealedCard(*gallery, 5),
                             GalleryPeer::SealedCard(*gallery, 6));
  };
  swap_cards();
  EXPECT_EQ(gallery->Scan(query).status().code(), Code::kDataLoss);
  swap_cards();

  const std::span<std::uint8_t> sealed = GalleryPeer::Sealed(*gallery, 0);
  const std::vector<std::uint8_t> old(sealed.begin(), sealed.end());
  ASSERT_TRUE(gallery->Remove(5).ok());
  EXPECT_TRUE(gallery->Scan(query).ok());
  std::ranges::copy(old, sealed.begin());
  EXPECT_EQ(gallery->Scan(query).status().code(), Code::kDataLoss);
}

TEST(Gallery, HoldsNoPlainTemplateSketchOrIdInItsSegments) {
  for (const auto cipher :
       {SegmentSealer::Cipher::kAesGcmIpsecMb, SegmentSealer::Cipher::kAesGcmOpenSsl,
        SegmentSealer::Cipher::kXChaCha20Sodium}) {
    if (!SegmentSealer::IsAvailable(cipher)) continue;
    const auto gallery = NewGallery(Euclidean(), {.threads = 2, .cipher = cipher});
    std::mt19937_64 random(4);
    std::normal_distribution<float> normal(0, 0.1F);
    std::vector<float> canary(128);
    for (float& value : canary) value = normal(random);
    std::vector<std::int8_t> quantised(128);
    Quantise(canary, quantised);
    Row row = RowOf(77);
    for (std::uint8_t& byte : row.subject_id) byte = static_cast<std::uint8_t>(random());
    ASSERT_TRUE(gallery->Add(row, canary).ok());
    ASSERT_EQ(MustScan(*gallery, QueryFor(Euclidean(), canary)).matches, 1U);

    std::vector<std::uint8_t> plain = GalleryPeer::Open(*gallery, 0);
    const SegmentView view = GalleryPeer::View(*gallery, plain);
    const auto holds = [](std::span<const std::uint8_t> bytes, const void* what, std::size_t size) {
      const auto* const from = static_cast<const std::uint8_t*>(what);
      return std::search(bytes.begin(), bytes.end(), from, from + size) != bytes.end();
    };
    const std::span<const std::uint8_t> sealed = GalleryPeer::Sealed(*gallery, 0);
    const std::span<const std::uint8_t> card = GalleryPeer::SealedCard(*gallery, 77);
    for (std::size_t word = 0; word < 8; ++word) {
      EXPECT_TRUE(holds(plain, view.words + word * 8, 8));  // the search would find it
      EXPECT_FALSE(holds(sealed, view.words + word * 8, 8));
    }
    for (std::size_t at = 0; at + 8 <= 128; at += 8) {
      EXPECT_FALSE(holds(sealed, quantised.data() + at, 8));
      EXPECT_FALSE(holds(card, quantised.data() + at, 8));
      EXPECT_FALSE(holds(card, canary.data() + at, 8));
    }
    EXPECT_FALSE(holds(sealed, row.subject_id.data(), 8));
    EXPECT_FALSE(holds(card, row.subject_id.data(), 8));
  }
}

TEST(GalleryCreate, RefusesNoThreadsAndTooMany) {
  EXPECT_EQ(Gallery::Create(Cosine(), {.threads = 0, .cipher = {}}).status().code(),
            Code::kInvalidArgument);
  EXPECT_EQ(Gallery::Create(Cosine(), {.threads = 65, .cipher = {}}).status().code(),
            Code::kInvalidArgument);
}

TEST(GalleryCreate, RefusesAnImpossibleMissAndACentreOfAnotherDimension) {
  for (const double miss : {0.0, 1.0, -1.0, std::nan("")}) {
    EXPECT_EQ(Gallery::Create(Cosine(), {.cipher = {}, .miss = miss}).status().code(),
              Code::kInvalidArgument);
  }
  const std::vector<float> centre(128);
  EXPECT_EQ(Gallery::Create(Cosine(), {.cipher = {}, .centre = centre}).status().code(),
            Code::kInvalidArgument);
}

}  // namespace
}  // namespace kluis::matching::gallery_test
