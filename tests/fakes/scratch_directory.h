// SPDX-License-Identifier: Apache-2.0
// A new empty directory for one test, removed with the object.
#ifndef KLUIS_TESTS_FAKES_SCRATCH_DIRECTORY_H_
#define KLUIS_TESTS_FAKES_SCRATCH_DIRECTORY_H_

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

namespace kluis {

class ScratchDirectory {
 public:
  ScratchDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "kluis-test-XXXXXX").string();
    if (mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~ScratchDirectory() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace kluis

#endif  // KLUIS_TESTS_FAKES_SCRATCH_DIRECTORY_H_
