// SPDX-License-Identifier: Apache-2.0
// The secret that a subject's device holds, on its way through the vault: opened for one enrolment
// or one verification, compared, and wiped with what holds it. It is kept nowhere, and neither is
// the sealed box that it came in: with the root key that box would open. Thread-safe: functions of
// their arguments.
#ifndef KLUIS_SERVICE_ACTS_RELEASE_H_
#define KLUIS_SERVICE_ACTS_RELEASE_H_

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crypto/secret_bytes.h"
#include "kluis/v1/ledger.pb.h"
#include "kluis/v1/statements.pb.h"
#include "policy/state_view.h"
#include "service/custody/sealer.h"
#include "service/ledger/writes.h"

namespace kluis::service {

// What a release says and holds. Whose it is and whether it opens is found at the decision.
struct Release {
  v1::Released found;                         // without same_subject and opened
  std::string public_key;                     // 32 bytes, of the subject that it names
  std::optional<crypto::SecretBytes> secret;  // nullopt: its box is not one for this vault
};

// The secret in a sealed box; nullopt: it does not open, which is a fact and no error.
// Errors: the vault's own key is not there.
absl::StatusOr<std::optional<crypto::SecretBytes>> OpenDeviceSecret(const Sealer& sealer,
                                                                    std::string_view sealed);

// kInvalidArgument with reason MALFORMED_STATEMENT: no release, or its public key is not one.
absl::StatusOr<Release> TakeRelease(const policy::StateView& state, const Sealer& sealer,
                                    const v1::Envelope& envelope);

// Completes command.released() from what is there at the moment of the decision.
absl::Status JudgeRelease(const Writes& writes, const Sealer& sealer, const Release& release,
                          v1::Verify& command);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_ACTS_RELEASE_H_
