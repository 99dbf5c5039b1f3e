// SPDX-License-Identifier: Apache-2.0
// What the tests of the gallery share: a view of what only a debugger or a core dump would see, and
// people who are easy to tell apart. One thread.
#ifndef KLUIS_TESTS_FAKES_GALLERY_PEER_H_
#define KLUIS_TESTS_FAKES_GALLERY_PEER_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "matching/gallery.h"
#include "matching/segment.h"
#include "matching/shared_scan.h"

namespace kluis::matching {

class GalleryPeer {
 public:
  static std::size_t Segments(const Gallery& gallery) {
    return static_cast<std::size_t>(std::ranges::count_if(
        gallery.segments_, [](const auto& segment) { return segment != nullptr; }));
  }

  static std::size_t RowsPerSegment(const Gallery& gallery) { return gallery.shape_->rows; }

  // Ciphertext and tag of a segment; of the card of the row in `slot`.
  static std::span<std::uint8_t> Sealed(Gallery& gallery, std::size_t segment) {
    return gallery.segments_[segment]->sealed.bytes().first(gallery.shape_->plain_bytes() +
                                                            SegmentSealer::kTagBytes);
  }
  static std::span<std::uint8_t> SealedCard(Gallery& gallery, std::uint32_t slot) {
    const std::uint32_t place = *gallery.places_.Find(slot);
    return gallery.segments_[place / gallery.shape_->rows]->Card(place % gallery.shape_->rows,
                                                                 *gallery.shape_);
  }
  static bool HasCards(const Gallery& gallery, std::size_t segment) {
    return !gallery.segments_[segment]->card_tags.empty();
  }

  static std::vector<std::uint8_t> Open(Gallery& gallery, std::size_t segment) {
    SegmentDesk& desk = *gallery.writer_desk_;
    EXPECT_TRUE(desk.Open(*gallery.segments_[segment]).ok());
    std::vector<std::uint8_t> plain(desk.plain().begin(), desk.plain().end());
    desk.Wipe();
    return plain;
  }
  static SegmentView View(const Gallery& gallery, std::vector<std::uint8_t>& plain) {
    return {plain, *gallery.shape_};
  }

  // Queries that wait for their pass.
  static std::size_t Waiting(const Gallery& gallery) {
    const std::lock_guard<std::mutex> lock(gallery.scan_->mutex_);
    return gallery.scan_->waiting_.size();
  }

  static bool BuffersAreWiped(const Gallery& gallery) {
    const auto wiped = [](const crypto::SecretBytes& memory) {
      return std::ranges::all_of(memory.Expose(), [](std::uint8_t byte) { return byte == 0; });
    };
    const auto desk_is_wiped = [&](const auto& desk) { return wiped(desk->memory()); };
    return desk_is_wiped(gallery.writer_desk_) && desk_is_wiped(gallery.second_desk_) &&
           std::ranges::all_of(gallery.scan_->desks(), desk_is_wiped) &&
           std::ranges::all_of(gallery.free_desks_, desk_is_wiped) &&
           std::ranges::all_of(gallery.scan_->seats_,
                               [&](const auto& seat) { return wiped(seat.hits); });
  }
};

inline constexpr std::int64_t kTestNow = 1'800'000'000;

inline const Algorithm& Cosine() { return *FindAlgorithm("arcface-512/1"); }
inline const Algorithm& Euclidean() { return *FindAlgorithm("dlib-128/1"); }

inline std::unique_ptr<Gallery> NewGallery(const Algorithm& algorithm,
                                           const Gallery::Options& options = {}) {
  auto gallery = Gallery::Create(algorithm, options);
  EXPECT_TRUE(gallery.ok()) << gallery.status();
  return gallery.ok() ? *std::move(gallery) : nullptr;
}

// A person is a direction, for twice `dimension` people: two have cosine 0, or -1, and
// distance 1.41 or 2.
inline std::vector<float> Person(const Algorithm& algorithm, std::size_t number) {
  std::vector<float> values(algorithm.dimension);
  values[number % algorithm.dimension] = number / algorithm.dimension % 2 == 0 ? 1.0F : -1.0F;
  return values;
}

inline Row RowOf(std::uint32_t slot) {
  Row row;
  row.slot = slot;
  row.record_id.fill(static_cast<std::uint8_t>(slot));
  row.subject_id.fill(static_cast<std::uint8_t>(slot + 100));
  row.category = 1;
  row.expires_at = kTestNow + 1000;
  return row;
}

inline Query QueryFor(const Algorithm& algorithm, std::span<const float> probe) {
  return {.probe = probe,
          .cut = algorithm.metric == Metric::kCosine ? 0.5 : 0.6,
          .max_candidates = 10,
          .now = kTestNow,
          .categories = 1,
          .should_stop = {}};
}

inline ScanResult MustScan(const Gallery& gallery, const Query& query) {
  const auto result = gallery.Scan(query);
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? *result : ScanResult{};
}

// Adds people with slots from `first` to `end` - 1.
inline void AddPeople(Gallery& gallery, const Algorithm& algorithm, std::uint32_t first,
                      std::uint32_t end) {
  while (first < end) {
    std::vector<Row> rows;
    std::vector<float> templates;
    for (; first < end && rows.size() < Gallery::kMaxRowsPerAdd; ++first) {
      rows.push_back(RowOf(first));
      const std::vector<float> values = Person(algorithm, first);
      templates.insert(templates.end(), values.begin(), values.end());
    }
    ASSERT_TRUE(gallery.Add(rows, templates).ok());
  }
}

// `count` people with slots from 0.
inline std::unique_ptr<Gallery> GalleryOf(const Algorithm& algorithm, std::uint32_t count,
                                          const Gallery::Options& options = {}) {
  auto gallery = NewGallery(algorithm, options);
  AddPeople(*gallery, algorithm, 0, count);
  return gallery;
}

}  // namespace kluis::matching

#endif  // KLUIS_TESTS_FAKES_GALLERY_PEER_H_
