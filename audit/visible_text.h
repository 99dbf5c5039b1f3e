// SPDX-License-Identifier: Apache-2.0
// Text from others, on its way to a person's screen: whatever is not seen there, or moves what is,
// is written out as \u{202E}. Without it a name or a reason can look other than what is signed.
//
// Written out are control characters (C0, DEL, C1), directional and other format characters (Cf),
// line and paragraph separators, all that Unicode calls default-ignorable (zero width, tags,
// variation selectors, fillers), noncharacters, and each byte that is not UTF-8, as \u{FFFD}.
// Spaces of any width and combining marks are not: writing needs them.
// Source: Unicode 15.0, DerivedGeneralCategory and DerivedCoreProperties; UTR 36, s.2.
#ifndef KLUIS_AUDIT_VISIBLE_TEXT_H_
#define KLUIS_AUDIT_VISIBLE_TEXT_H_

#include <memory>
#include <ostream>
#include <string>
#include <string_view>

namespace kluis::audit {

// `text` as one line, a line feed written out too. A backslash before u{ is \u{5C}, so that text
// cannot pretend to be written out. Pure, thread-safe.
std::string VisibleText(std::string_view text);

class VisibleBuffer;

// As long as this lives, all that goes to `stream` is made visible, whoever writes it; line feeds
// and tabs pass. A program puts it before its output once, so that no verb can forget it. For one
// thread. `stream` must outlive it.
class VisibleOutput {
 public:
  explicit VisibleOutput(std::ostream& stream);
  ~VisibleOutput();
  VisibleOutput(const VisibleOutput&) = delete;
  VisibleOutput& operator=(const VisibleOutput&) = delete;

 private:
  std::ostream& stream_;
  std::streambuf* const before_;
  const std::unique_ptr<VisibleBuffer> buffer_;
};

// stream << AsJson: from here on it gets JSON, in whose strings the same characters are \u202e, so
// that what is read back is exact. Without a VisibleOutput nothing changes.
std::ostream& AsJson(std::ostream& stream);

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_VISIBLE_TEXT_H_
