// SPDX-License-Identifier: Apache-2.0
#include "client/secret_line.h"

#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <iostream>

#include "absl/strings/str_cat.h"
#include "client/files.h"

namespace kluis::client {
namespace {

// A terminal that does not show what is typed, as long as this lives.
class NoEcho {
 public:
  NoEcho() : terminal_(isatty(STDIN_FILENO) == 1 && tcgetattr(STDIN_FILENO, &before_) == 0) {
    if (!terminal_) return;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  ~NoEcho() {
    if (terminal_) tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  NoEcho(const NoEcho&) = delete;
  NoEcho& operator=(const NoEcho&) = delete;

  bool terminal() const { return terminal_; }

 private:
  termios before_ = {};
  const bool terminal_;
};

}  // namespace

absl::StatusOr<std::string> ReadSecretLine(const std::string& path, const std::string& prompt,
                                           std::ostream& err) {
  std::string line;
  if (path == "-") {
    const NoEcho silent;
    if (silent.terminal()) err << prompt << ": " << std::flush;
    std::getline(std::cin, line);
    if (silent.terminal()) err << "\n";
  } else {
    struct stat info = {};
    if (stat(path.c_str(), &info) != 0) {  // not repeated: it may be the secret itself
      return absl::InvalidArgumentError(absl::StrCat(
          prompt, ": there is no such file; a secret is never an argument, only the file with it"));
    }
    if ((info.st_mode & 077U) != 0) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": is open to group or others: chmod 600 ", path));
    }
    absl::StatusOr<std::string> text = ReadText(path);
    if (!text.ok()) return text;
    line = text->substr(0, text->find('\n'));
  }
  if (line.empty()) return absl::InvalidArgumentError(absl::StrCat(prompt, ": none was given"));
  return line;
}

}  // namespace kluis::client
