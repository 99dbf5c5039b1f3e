// SPDX-License-Identifier: Apache-2.0
#include "audit/strict_json.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace kluis::audit {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxDepth = 32;  // no statement has so many levels

// Builds the value from the parser's events; false ends the parse.
class Builder final : public nlohmann::json_sax<Json> {
 public:
  Json Take() { return std::move(root_); }

  bool null() override { return Add(nullptr); }
  bool boolean(bool value) override { return Add(value); }
  bool number_integer(number_integer_t value) override { return Add(value); }
  bool number_unsigned(number_unsigned_t value) override { return Add(value); }
  bool number_float(number_float_t, const string_t& spelling) override {
    return Add(Json::binary(std::vector<uint8_t>(spelling.begin(), spelling.end())));
  }
  bool string(string_t& value) override { return Add(std::move(value)); }
  bool binary(binary_t&) override { return false; }  // not in JSON
  bool start_object(std::size_t) override { return Open(Json::object()); }
  bool start_array(std::size_t) override { return Open(Json::array()); }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }
  bool key(string_t& name) override {
    name_ = std::move(name);
    return !open_.back()->contains(name_);
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

 private:
  Json* Place(Json value) {
    if (open_.empty()) return &(root_ = std::move(value));
    if (open_.back()->is_object()) return &((*open_.back())[name_] = std::move(value));
    open_.back()->push_back(std::move(value));
    return &open_.back()->back();
  }
  bool Add(Json value) {
    Place(std::move(value));
    return true;
  }
  bool Open(Json value) {
    if (open_.size() == kMaxDepth) return false;
    open_.push_back(Place(std::move(value)));  // its parent does not grow while it is open
    return true;
  }
  bool Close() {
    open_.pop_back();
    return true;
  }

  Json root_;
  std::vector<Json*> open_;
  std::string name_;
};

}  // namespace

Json ParseStrictJson(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) return Json();  // a byte order mark, which the parser skips
  Builder builder;
  if (!Json::sax_parse(text.begin(), text.end(), &builder)) return Json();
  Json value = builder.Take();
  return value.is_object() ? value : Json();
}

}  // namespace kluis::audit
