// SPDX-License-Identifier: Apache-2.0
// The holders of a vault's shares: what each brings through an operator, and what comes of it.
// Functions of their arguments. One thread.
#ifndef KLUIS_TESTS_FAKES_SHARE_HOLDERS_H_
#define KLUIS_TESTS_FAKES_SHARE_HOLDERS_H_

#include <string>
#include <vector>

#include "tests/fakes/test_vault.h"

namespace kluis {

using Shares = std::vector<std::string>;

inline constexpr char kOperator[] = "operator/one";

inline Reply<v1::UnsealVaultResponse> Give(const TestWorld& vault, const std::string& share,
                                           const std::string& who = kOperator) {
  v1::UnsealVaultRequest request;
  request.set_share(share);
  return vault.Call(who, &v1::VaultService::Stub::UnsealVault, request);
}

inline Reply<v1::ProveShareResponse> Prove(const TestWorld& vault, const std::string& share) {
  v1::ProveShareRequest request;
  request.set_share(share);
  return vault.Call(kOperator, &v1::VaultService::Stub::ProveShare, request);
}

inline Shares Init(const TestWorld& vault, uint32_t needed, uint32_t holders) {
  v1::InitVaultRequest request;
  request.set_needed(needed);
  request.set_holders(holders);
  const auto made =
      Must(vault.Call(kOperator, &v1::VaultService::Stub::InitVault, request), "init");
  return {made.shares().begin(), made.shares().end()};
}

inline Shares Rekey(const TestWorld& vault, uint32_t needed, uint32_t holders) {
  v1::RekeyVaultRequest request;
  request.set_needed(needed);
  request.set_holders(holders);
  const auto made =
      Must(vault.Call(kOperator, &v1::VaultService::Stub::RekeyVault, request), "rekey");
  return {made.shares().begin(), made.shares().end()};
}

// Two of three shares, made at the first start.
class SharedVault {
 public:
  SharedVault()
      : vault_([](service::Config& config) { config.keys.unseal = "shares"; },
               [this](TestVault& sealed) {
                 shares_ = Init(sealed, 2, 3);
                 for (const std::string& share : shares_) Must(Prove(sealed, share), "prove");
               }) {}

  TestVault& operator*() { return vault_; }
  TestVault* operator->() { return &vault_; }
  const Shares& shares() const { return shares_; }

  v1::SealVaultResponse Seal() {
    return Must(vault_.Call(kOperator, &v1::VaultService::Stub::SealVault, v1::SealVaultRequest()),
                "seal");
  }
  // Whether the first two of these open it.
  bool OpensWith(const Shares& shares, const std::string& who = kOperator) {
    Give(vault_, shares[0], who);
    const auto second = Give(vault_, shares[1], who);
    return second.ok() && !second->seal().sealed();
  }

 private:
  Shares shares_;
  TestVault vault_;
};

}  // namespace kluis

#endif  // KLUIS_TESTS_FAKES_SHARE_HOLDERS_H_
