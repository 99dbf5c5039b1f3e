// SPDX-License-Identifier: Apache-2.0
#include "service/ledger/outcome.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crypto/sha256.h"
#include "service/ledger/errors.h"

namespace kluis::service {

absl::Status RefusalOf(const policy::Ruling& ruling) {
  const std::string words =
      ruling.sentence.empty() ? "not permitted" : absl::StrCat("the rule is: ", ruling.sentence);
  return WithReason(ruling.public_reason == "BUDGET_SPENT" ? absl::ResourceExhaustedError(words)
                                                           : absl::PermissionDeniedError(words),
                    ruling.public_reason);
}

absl::Status RefusalOf(const Committed& committed) {
  return WithLogIndex(RefusalOf(committed.ruling), committed.index);
}

v1::Receipt ReceiptOf(const Committed& committed) {
  v1::Receipt receipt;
  receipt.set_log_index(committed.index);
  receipt.set_leaf_hash(std::string(crypto::Bytes(committed.leaf)));
  receipt.mutable_decided_at()->set_seconds(committed.decided_at);
  return receipt;
}

absl::StatusOr<Committed> CommitAct(Ledger& ledger, Act act) {
  absl::StatusOr<Committed> committed = ledger.Commit(std::move(act));
  if (!committed.ok()) return committed;
  if (!committed->ruling.decision.allowed()) return RefusalOf(*committed);
  return committed;
}

}  // namespace kluis::service
