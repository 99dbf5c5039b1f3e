#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <limits>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "matching/gallery.h"
#include "matching/segment.h"

namespace kluis::matching {

// Sees what only a debugger or a core dump would.
class GalleryPeer {
 public:
  static std::size_t Segments(const Gallery& gallery) { return gallery.segments_.size(); }

  static std::vector<std::uint8_t>& Sealed(Gallery& gallery, std::size_t segment) {
    return gallery.segments_[segment]->sealed;
  }

  static std::vector<std::uint8_t> Open(Gallery& gallery, std::size_t segment) {
    Desk& desk = *gallery.writer_desk_;
    EXPECT_TRUE(desk.Open(*gallery.segments_[segment]).ok());
    const std::vector<std::uint8_t> plain(desk.plain().begin(), desk.plain().end());
    desk.Wipe();
    return plain;
  }

  static bool BuffersAreWiped(const Gallery& gallery) {
    const auto wiped = [](const std::unique_ptr<Desk>& desk) {
      const auto bytes = desk->memory.Expose();
      return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t b) { return b == 0; });
    };
    return wiped(gallery.writer_desk_) &&
           std::all_of(gallery.desks_.begin(), gallery.desks_.end(), wiped);
  }
};

namespace {

using Code = absl::StatusCode;

constexpr std::int64_t kNow = 1'800'000'000;
constexpr std::size_t kRowsPerSegment = 128;  // of dlib-128/1

const Algorithm& Cosine() { return *FindAlgorithm("arcface-512/1"); }
const Algorithm& Euclidean() { return *FindAlgorithm("dlib-128/1"); }

std::unique_ptr<Gallery> NewGallery(const Algorithm& algorithm,
                                    const Gallery::Options& options = {}) {
  auto gallery = Gallery::Create(algorithm, options);
  EXPECT_TRUE(gallery.ok());
  return gallery.ok() ? *std::move(gallery) : nullptr;
}

// A person is a direction: two people have cosine 0, distance 1.41.
std::vector<float> Person(const Algorithm& algorithm, std::size_t number) {
  std::vector<float> values(algorithm.dimension);
  values[number % algorithm.dimension] = number / algorithm.dimension % 2 == 0 ? 1.0F : -1.0F;
  return values;
}

Row RowOf(std::uint32_t slot) {
  Row row;
  row.slot = slot;
  row.record_id.fill(static_cast<std::uint8_t>(slot));
  row.subject_id.fill(static_cast<std::uint8_t>(slot + 100));
  row.category = 1;
  row.expires_at = kNow + 1000;
  return row;
}

Query QueryFor(const Algorithm& algorithm, std::span<const float> probe) {
  return {.probe = probe,
          .cut = algorithm.metric == Metric::kCosine ? 0.5 : 0.6,
          .max_candidates = 10,
          .now = kNow,
          .categories = 1,
          .should_stop = {}};
}

ScanResult MustScan(const Gallery& gallery, const Query& query) {
  const auto result = gallery.Scan(query);
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? *result : ScanResult{};
}

// `count` people with slots from 0.
std::unique_ptr<Gallery> GalleryOf(const Algorithm& algorithm, std::uint32_t count) {
  auto gallery = NewGallery(algorithm);
  for (std::uint32_t slot = 0; slot < count; ++slot) {
    EXPECT_TRUE(gallery->Add(RowOf(slot), Person(algorithm, slot)).ok());
  }
  return gallery;
}

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
  for (std::uint32_t slot = 0; slot < 300; ++slot) {  // the higher the slot, the nearer
    std::vector<float> values = Person(Euclidean(), 0);
    values[1] = 0.001F * static_cast<float>(300 - slot);
    ASSERT_TRUE(gallery->Add(RowOf(slot), values).ok());
  }
  const std::vector<float> probe = Person(Euclidean(), 0);
  Query query = QueryFor(Euclidean(), probe);
  query.cut = 0.2005;
  query.max_candidates = 3;
  ScanResult result = MustScan(*gallery, query);
  EXPECT_EQ(result.matches, 200U);
  ASSERT_EQ(result.candidates.size(), 3U);
  EXPECT_EQ(result.candidates[0].slot, 299U);
  EXPECT_EQ(result.candidates[1].slot, 298U);
  EXPECT_EQ(result.candidates[2].slot, 297U);
  query.max_candidates = 0;
  result = MustScan(*gallery, query);
  EXPECT_EQ(result.matches, 200U);
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
  const auto gallery = GalleryOf(Euclidean(), 4 * kRowsPerSegment);
  const std::vector<float> probe = Person(Euclidean(), 0);
  Query query = QueryFor(Euclidean(), probe);
  for (int after = 0; after < 4; ++after) {
    std::atomic<int> asked = 0;
    query.should_stop = [&asked, after] { return asked++ >= after; };
    EXPECT_EQ(gallery->Scan(query).status().code(), Code::kCancelled);
    EXPECT_TRUE(GalleryPeer::BuffersAreWiped(*gallery));
  }
  query.should_stop = [] { return false; };
  EXPECT_EQ(MustScan(*gallery, query).compared, 4 * kRowsPerSegment);
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
  std::vector<std::uint8_t>& sealed = GalleryPeer::Sealed(*gallery, 1);
  // Every bit of the first row, of some templates and of the tag; elsewhere one bit in each 61
  // bytes.
  for (std::size_t byte = 0; byte < sealed.size(); ++byte) {
    const bool every_bit = byte < 48 || byte + 32 > sealed.size();
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

TEST(GalleryScan, FailsWhenSegmentsAreSwappedOrAnOldOneIsPutBack) {
  const auto gallery = GalleryOf(Euclidean(), 2 * kRowsPerSegment);
  const std::vector<float> probe = Person(Euclidean(), 5);
  const Query query = QueryFor(Euclidean(), probe);
  std::swap(GalleryPeer::Sealed(*gallery, 0), GalleryPeer::Sealed(*gallery, 1));
  EXPECT_EQ(gallery->Scan(query).status().code(), Code::kDataLoss);
  std::swap(GalleryPeer::Sealed(*gallery, 0), GalleryPeer::Sealed(*gallery, 1));
  const std::vector<std::uint8_t> old = GalleryPeer::Sealed(*gallery, 0);
  ASSERT_TRUE(gallery->Remove(5).ok());
  EXPECT_TRUE(gallery->Scan(query).ok());
  GalleryPeer::Sealed(*gallery, 0) = old;
  EXPECT_EQ(gallery->Scan(query).status().code(), Code::kDataLoss);
}

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
    for (const Candidate& candidate : result.candidates) EXPECT_NE(candidate.slot, slot);
    EXPECT_EQ(gallery->Remove(slot).code(), Code::kNotFound);
  }
  EXPECT_EQ(gallery->size(), 196U);
}

TEST(GalleryRemove, OverwritesTheRowWithZeros) {
  const auto gallery = GalleryOf(Euclidean(), 3);
  ASSERT_TRUE(gallery->Remove(1).ok());
  const std::vector<std::uint8_t> plain = GalleryPeer::Open(*gallery, 0);
  const std::size_t rows_end = kRowsPerSegment * 48;
  EXPECT_TRUE(std::all_of(plain.begin() + 48, plain.begin() + 96, [](auto b) { return b == 0; }));
  const auto start = plain.begin() + static_cast<std::ptrdiff_t>(rows_end + 512);
  EXPECT_TRUE(std::all_of(start, start + 512, [](auto b) { return b == 0; }));
  EXPECT_FALSE(std::all_of(start - 512, start, [](auto b) { return b == 0; }));
}

TEST(GalleryRemove, FreesThePlaceForTheNextRow) {
  const auto gallery = GalleryOf(Euclidean(), 2 * kRowsPerSegment);
  const std::size_t bytes = gallery->bytes_resident();
  std::uint32_t next = 1000;
  for (std::uint32_t slot = 0; slot < 2 * kRowsPerSegment; ++slot) {
    ASSERT_TRUE(gallery->Remove(slot).ok());
    ASSERT_TRUE(gallery->Add(RowOf(next++), Person(Euclidean(), slot)).ok());
  }
  EXPECT_EQ(gallery->size(), 2 * kRowsPerSegment);
  EXPECT_EQ(GalleryPeer::Segments(*gallery), 2U);
  EXPECT_LT(gallery->bytes_resident(), bytes + 16 * 1024);  // the table of slots may grow
}

TEST(GalleryRemove, ReportsASegmentThatDoesNotAuthenticate) {
  const auto gallery = GalleryOf(Euclidean(), 3);
  GalleryPeer::Sealed(*gallery, 0)[100] ^= 1;
  EXPECT_EQ(gallery->Remove(1).code(), Code::kDataLoss);
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
  for (const int category : {0, 3, 255}) {
    Row row = RowOf(0);
    row.category = static_cast<std::uint8_t>(category);
    EXPECT_EQ(gallery->Add(row, good).code(), Code::kInvalidArgument);
  }
  EXPECT_EQ(gallery->size(), 0U);
}

TEST(Gallery, HoldsNoPlainTemplateOrIdInItsSegments) {
  for (const auto cipher :
       {SegmentSealer::Cipher::kAesGcmOpenSsl, SegmentSealer::Cipher::kAesGcmSodium,
        SegmentSealer::Cipher::kXChaCha20Sodium}) {
    if (!SegmentSealer::IsAvailable(cipher)) continue;
    const auto gallery = NewGallery(Euclidean(), {.threads = 2, .cipher = cipher});
    std::mt19937_64 random(4);
    std::normal_distribution<float> normal(0, 0.1F);
    std::vector<float> canary(128);
    for (float& value : canary) value = normal(random);
    Row row = RowOf(77);
    for (std::uint8_t& byte : row.subject_id) byte = static_cast<std::uint8_t>(random());
    ASSERT_TRUE(gallery->Add(row, canary).ok());
    ASSERT_EQ(MustScan(*gallery, QueryFor(Euclidean(), canary)).matches, 1U);
    const std::vector<std::uint8_t>& sealed = GalleryPeer::Sealed(*gallery, 0);
    const std::vector<std::uint8_t> plain = GalleryPeer::Open(*gallery, 0);
    const auto* floats = reinterpret_cast<const std::uint8_t*>(canary.data());
    for (std::size_t at = 0; at < 512; at += 8) {  // any two neighbours
      const auto holds = [&](const std::vector<std::uint8_t>& bytes) {
        return std::search(bytes.begin(), bytes.end(), floats + at, floats + at + 8) != bytes.end();
      };
      EXPECT_TRUE(holds(plain));  // the search would find it
      EXPECT_FALSE(holds(sealed));
    }
    EXPECT_EQ(std::search(sealed.begin(), sealed.end(), row.subject_id.begin(),
                          row.subject_id.begin() + 8),
              sealed.end());
  }
}

TEST(Gallery, ServesScansBesideAddsAndRemoves) {
  const auto gallery = GalleryOf(Euclidean(), 3 * kRowsPerSegment);
  std::atomic<bool> done = false;
  std::atomic<int> wrong = 0;
  std::vector<std::thread> readers;
  for (std::size_t reader = 0; reader < 2; ++reader) {
    readers.emplace_back([&, reader] {
      const std::vector<float> probe = Person(Euclidean(), reader);  // never removed
      int scans = 0;
      while (!done || scans < 5) {
        const auto result = gallery->Scan(QueryFor(Euclidean(), probe));
        const bool found =
            result.ok() && std::any_of(result->candidates.begin(), result->candidates.end(),
                                       [&](const auto& c) { return c.slot == reader; });
        if (!found) ++wrong;
        ++scans;
      }
    });
  }
  for (std::uint32_t slot = 10; slot < 110; ++slot) {
    EXPECT_TRUE(gallery->Remove(slot).ok());
    const std::vector<float> probe = Person(Euclidean(), slot);
    for (const Candidate& candidate : MustScan(*gallery, QueryFor(Euclidean(), probe)).candidates) {
      EXPECT_NE(candidate.slot, slot);
    }
    EXPECT_TRUE(gallery->Add(RowOf(slot + 10'000), Person(Euclidean(), slot)).ok());
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_TRUE(GalleryPeer::BuffersAreWiped(*gallery));
}

TEST(GalleryCreate, RefusesNoThreadsAndTooMany) {
  EXPECT_EQ(Gallery::Create(Cosine(), {.threads = 0, .cipher = {}}).status().code(),
            Code::kInvalidArgument);
  EXPECT_EQ(Gallery::Create(Cosine(), {.threads = 65, .cipher = {}}).status().code(),
            Code::kInvalidArgument);
}

}  // namespace
}  // namespace kluis::matching
