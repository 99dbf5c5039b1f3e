// SPDX-License-Identifier: Apache-2.0
#include "service/custody/commitments.h"

#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crypto/derive.h"
#include "crypto/random.h"
#include "storage/layout.h"

namespace kluis::service {

Opening CommitTo(std::string_view what, std::string payload) {
  Opening opening;
  opening.nonce = crypto::RandomBytes(kOpeningNonceBytes);
  opening.payload = std::move(payload);
  opening.commitment.set_what(std::string(what));
  const std::span<const uint8_t, kOpeningNonceBytes> nonce(
      reinterpret_cast<const uint8_t*>(opening.nonce.data()), kOpeningNonceBytes);
  opening.commitment.set_digest(std::string(crypto::Bytes(crypto::Commit(nonce, opening.payload))));
  return opening;
}

absl::Status StoreOpenings(const Sealer& sealer, uint32_t slot, uint64_t index,
                           const std::vector<Opening>& openings, Writes& writes) {
  for (size_t n = 0; n < openings.size(); ++n) {
    std::string key = storage::OpeningKey(index, static_cast<uint8_t>(n));
    const absl::StatusOr<std::string> sealed =
        sealer.Seal(slot, kOpeningUse, key, absl::StrCat(openings[n].nonce, openings[n].payload));
    if (!sealed.ok()) return sealed.status();
    writes.Put(storage::Column::kDetails, std::move(key), *sealed);
  }
  return absl::OkStatus();
}

}  // namespace kluis::service
