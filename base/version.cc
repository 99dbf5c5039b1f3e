// SPDX-License-Identifier: Apache-2.0
#include "base/version.h"

namespace kluis::base {

std::string Version() { return KLUIS_VERSION; }

}  // namespace kluis::base
