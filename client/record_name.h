// SPDX-License-Identifier: Apache-2.0
// What a record of the vault's state is called by people: its kind and its id. Pure, thread-safe.
// Source: the keys of policy/record_key.h; a kind is a field number of kluis.v1.RecordChange.
#ifndef KLUIS_CLIENT_RECORD_NAME_H_
#define KLUIS_CLIENT_RECORD_NAME_H_

#include <string>
#include <string_view>

namespace kluis::client {

// "template 1f3a...", "member officer/one", "enrollment of subject 1f3a... for missing-persons",
// for the record with this key: u8 kind | id. Control characters are escaped. A key that no record
// has is "record <hex>".
std::string RecordName(std::string_view key);

}  // namespace kluis::client

#endif  // KLUIS_CLIENT_RECORD_NAME_H_
