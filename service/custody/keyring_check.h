// SPDX-License-Identifier: Apache-2.0
// Whether a keyring belongs to this vault and is its newest: asked at each unsealing, before
// anything is served. An older copy, put back whole with its root key, opens by itself; only the
// vault knows what it must have forgotten. Reads every record of templates, subjects, cases and
// years of authorities: about 1 us each.
#ifndef KLUIS_SERVICE_CUSTODY_KEYRING_CHECK_H_
#define KLUIS_SERVICE_CUSTODY_KEYRING_CHECK_H_

#include "absl/status/status.h"
#include "crypto/keyring.h"
#include "service/custody/sealer.h"
#include "storage/database.h"

namespace kluis::service {

// kDataLoss: a slot of what is erased derives, so that this is an older copy; or none of the
// rows opens that the vault's own slot sealed, so that it is another vault's. Others: the store's.
absl::Status CheckKeyring(const storage::Database& database, const crypto::Keyring& keyring,
                          const Sealer& sealer);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_CUSTODY_KEYRING_CHECK_H_
