// SPDX-License-Identifier: Apache-2.0
// A whole file. Stateless and thread-safe.
#ifndef KLUIS_TESTS_FAKES_FILE_BYTES_H_
#define KLUIS_TESTS_FAKES_FILE_BYTES_H_

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace kluis {

// Empty when there is no such file.
inline std::string FileBytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace kluis

#endif  // KLUIS_TESTS_FAKES_FILE_BYTES_H_
