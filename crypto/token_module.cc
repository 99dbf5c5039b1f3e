// SPDX-License-Identifier: Apache-2.0
#include "crypto/token_module.h"

#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <unistd.h>

#include <map>
#include <mutex>

#include "absl/strings/str_cat.h"

namespace kluis::crypto {
namespace {

std::mutex& StartStop() {
  static std::mutex mutex;
  return mutex;
}

}  // namespace

absl::StatusOr<std::shared_ptr<TokenModule>> TokenModule::Load(const std::string& path) {
  static std::map<std::string, std::weak_ptr<TokenModule>> running;
  if (!path.starts_with('/')) {
    return absl::InvalidArgumentError("token: the module's path must be absolute");
  }
  const std::lock_guard lock(StartStop());
  if (std::shared_ptr<TokenModule> there = running[path].lock()) return there;
  if (access(path.c_str(), F_OK) != 0) {
    return absl::NotFoundError(absl::StrCat("token: there is no PKCS#11 module at ", path));
  }
  const auto not_a_module = [&path] {
    return absl::FailedPreconditionError(absl::StrCat("token: ", path, " is no PKCS#11 module"));
  };
  void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return not_a_module();
  const auto get_functions =
      reinterpret_cast<CK_C_GetFunctionList>(dlsym(library, "C_GetFunctionList"));
  CK_FUNCTION_LIST* functions = nullptr;
  if (get_functions == nullptr || get_functions(&functions) != CKR_OK || functions == nullptr) {
    return not_a_module();
  }
  CK_C_INITIALIZE_ARGS arguments{};
  arguments.flags = CKF_OS_LOCKING_OK;
  const CK_RV started = functions->C_Initialize(&arguments);
  if (started != CKR_OK && started != CKR_CRYPTOKI_ALREADY_INITIALIZED) {
    return absl::UnavailableError(
        absl::StrCat("token: ", path, " does not start, PKCS#11 error ", started));
  }
  std::shared_ptr<TokenModule> module(new TokenModule(functions, started == CKR_OK));
  running[path] = module;
  return module;
}

std::shared_ptr<TokenModule> TokenModule::Of(CK_FUNCTION_LIST* functions) {
  return std::shared_ptr<TokenModule>(new TokenModule(functions, false));
}

TokenModule::~TokenModule() {
  if (!owned_) return;
  const std::lock_guard lock(StartStop());
  functions_->C_Finalize(nullptr);
}

}  // namespace kluis::crypto
