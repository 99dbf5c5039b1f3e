// SPDX-License-Identifier: Apache-2.0
#include "client/probe_labels.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/files.h"

namespace kluis::client {
namespace {

bool IsSubject(std::string_view text) {
  constexpr std::string_view kCollection = "subjects/";
  constexpr size_t kHexDigits = 32;
  if (!text.starts_with(kCollection)) return false;
  text.remove_prefix(kCollection.size());
  return text.size() == kHexDigits && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ReadProbeLabels(const std::string& path, uint64_t probes) {
  const absl::StatusOr<std::string> text = ReadText(path);
  if (!text.ok()) return text.status();
  std::vector<std::string> labels;
  for (const auto line : absl::StrSplit(*text, '\n')) {
    std::string label(absl::StripAsciiWhitespace(line));
    if (label == "-") label.clear();
    labels.push_back(std::move(label));
    if (!labels.back().empty() && !IsSubject(labels.back())) {
      return absl::InvalidArgumentError(absl::StrCat(
          path, ": line ", labels.size(), ": must be subjects/<32 hex digits>, - or empty"));
    }
  }
  if (text->empty() || text->back() == '\n') labels.pop_back();  // what ends is not a line
  if (labels.size() != probes) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": has ", labels.size(), " lines, and there are ", probes, " probes"));
  }
  return labels;
}

}  // namespace kluis::client
