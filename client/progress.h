// SPDX-License-Identifier: Apache-2.0
// How far a long run is: a bar on a terminal, otherwise a line every ten seconds. Not thread-safe.
#ifndef KLUIS_CLIENT_PROGRESS_H_
#define KLUIS_CLIENT_PROGRESS_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>

namespace kluis::client {

class Progress {
 public:
  // `err` must outlive this. `total` may be 0; nullopt: nobody knows it, and a terminal gets the
  // words without a bar.
  Progress(std::ostream& err, std::optional<uint64_t> total);

  // `text` says it in words: "17 of 200 rows".
  void Show(uint64_t done, const std::string& text);

  // Ends the line of a terminal, where the total was not known or not reached.
  void End();

 private:
  void Draw(const std::string& text);  // on the terminal

  std::ostream& err_;
  std::optional<uint64_t> total_;
  bool terminal_;
  bool shown_ = false;
  bool ended_ = false;
  std::chrono::steady_clock::time_point last_;
};

}  // namespace kluis::client

#endif  // KLUIS_CLIENT_PROGRESS_H_
