// SPDX-License-Identifier: Apache-2.0
// The version of all programs: project(VERSION) of CMakeLists.txt. Thread-safe.
#ifndef KLUIS_BASE_VERSION_H_
#define KLUIS_BASE_VERSION_H_

#include <string>

namespace kluis::base {

// "0.1.0".
std::string Version();

}  // namespace kluis::base

#endif  // KLUIS_BASE_VERSION_H_
