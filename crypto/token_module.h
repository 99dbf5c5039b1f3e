// SPDX-License-Identifier: Apache-2.0
// A PKCS#11 module: the shared library through which a token is reached. Loaded by its absolute
// path and started once per process, however many wrappers use it; stopped when the last drops it.
// The library itself stays loaded, as modules do not bear unloading. Thread-safe.
// Source: PKCS#11 v2.40, s.5.4; header of p11-kit.
#ifndef KLUIS_CRYPTO_TOKEN_MODULE_H_
#define KLUIS_CRYPTO_TOKEN_MODULE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"

// CK_FUNCTION_LIST of p11-kit/pkcs11.h.
struct _CK_FUNCTION_LIST;  // NOLINT(bugprone-reserved-identifier): the header's own name

namespace kluis::crypto {

class TokenModule {
 public:
  // kInvalidArgument: the path is not absolute. kNotFound: there is no such file.
  // kFailedPrecondition: it is not a PKCS#11 module. kUnavailable: it does not start.
  static absl::StatusOr<std::shared_ptr<TokenModule>> Load(const std::string& path);

  // Functions of a module that somebody else started and stops; they must outlive this object.
  static std::shared_ptr<TokenModule> Of(_CK_FUNCTION_LIST* functions);

  TokenModule(const TokenModule&) = delete;
  TokenModule& operator=(const TokenModule&) = delete;
  ~TokenModule();

  _CK_FUNCTION_LIST& functions() const { return *functions_; }

 private:
  TokenModule(_CK_FUNCTION_LIST* functions, bool owned) : functions_(functions), owned_(owned) {}

  _CK_FUNCTION_LIST* const functions_;
  const bool owned_;
};

}  // namespace kluis::crypto

#endif  // KLUIS_CRYPTO_TOKEN_MODULE_H_
