// SPDX-License-Identifier: Apache-2.0
// Whether a serialized message says only what its type has a field for. The parser keeps what it
// does not know and says nothing, so an entry could carry things that no reader of it sees.
// Thread-safe.
#ifndef KLUIS_AUDIT_REPLAY_KNOWN_FIELDS_H_
#define KLUIS_AUDIT_REPLAY_KNOWN_FIELDS_H_

#include <memory>
#include <string_view>

#include "google/protobuf/descriptor.h"

namespace kluis::audit {

class KnownFields {
 public:
  // Of `type` and of the types of its fields, at any depth; they may not contain themselves.
  explicit KnownFields(const google::protobuf::Descriptor& type);
  ~KnownFields();

  // True when `bytes` are fields of the type, each known by its number and wire type, at any depth.
  bool Only(std::string_view bytes) const;

 private:
  struct Table;
  static std::unique_ptr<Table> TableOf(const google::protobuf::Descriptor& type);
  static bool OnlyIn(const Table& table, std::string_view bytes);

  const std::unique_ptr<const Table> table_;
};

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_REPLAY_KNOWN_FIELDS_H_
