// SPDX-License-Identifier: Apache-2.0
// What characters a signed note may contain, and its lines. Pure functions, thread-safe.
// Source: c2sp.org/signed-note.
#ifndef KLUIS_AUDIT_NOTE_TEXT_H_
#define KLUIS_AUDIT_NOTE_TEXT_H_

#include <optional>
#include <string_view>

namespace kluis::audit {

// The text that a note signs: not empty, valid UTF-8 (no surrogates, no over-long forms), the last
// byte is \n, and no control character (U+0000 to 1F, U+007F to 9F) but \n.
bool IsNoteText(std::string_view text);

// The name of a key: 1 to 255 bytes of valid UTF-8 without control characters, Unicode spaces and
// '+'.
bool IsKeyName(std::string_view name);

// The origin of a log: a key name that is a URL prefix without a schema and without a trailing
// slash.
bool IsOrigin(std::string_view origin);

// Cuts the first line off `text` and returns it without its \n. nullopt: there is no \n.
std::optional<std::string_view> TakeLine(std::string_view& text);

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_NOTE_TEXT_H_
