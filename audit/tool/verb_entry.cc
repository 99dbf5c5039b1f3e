// SPDX-License-Identifier: Apache-2.0
// kluis-audit entry: one entry as JSON.
#include <google/protobuf/util/json_util.h>

#include <iostream>
#include <memory>
#include <string>

#include "audit/log/log_directory.h"
#include "audit/tool/verbs.h"
#include "audit/visible_text.h"

namespace kluis::audit {
namespace {

struct EntryOptions {
  std::string directory;
  uint64_t index = 0;
};

ExitCode PrintEntry(const EntryOptions& options) {
  const absl::StatusOr<v1::Entry> entry = LogDirectory(options.directory).ReadEntry(options.index);
  if (absl::IsOutOfRange(entry.status())) return Tell(entry.status(), kUsage);
  if (!entry.ok()) return Tell(entry.status(), kDiffers);
  google::protobuf::util::JsonPrintOptions print;
  print.add_whitespace = true;
  print.preserve_proto_field_names = true;
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(*entry, &json, print).ok()) {
    return Tell(absl::DataLossError("the entry has no JSON form"), kDiffers);
  }
  std::cout << AsJson << json;
  return kVerified;
}

}  // namespace

void AddEntryVerb(base::Verb root, VerbResult& result) {
  auto [verb, options] =
      AddVerb<EntryOptions>(root, result, "entry", "Print one entry as JSON; verifies nothing",
                            "Example:\n  kluis-audit entry log-copy 17\n", PrintEntry);
  AddDirectory(verb, options->directory);
  verb.Count("INDEX", options->index, "From 0").Required();
}

}  // namespace kluis::audit
