// SPDX-License-Identifier: Apache-2.0
// The permission to open templates. Only a decision of policy/ makes one; whoever opens a template
// takes a Grant and checks that it covers that template. Immutable and thread-safe.
#ifndef KLUIS_POLICY_GRANT_H_
#define KLUIS_POLICY_GRANT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kluis/v1/state.pb.h"

namespace kluis::policy {

class Grant {
 public:
  // The purpose whose templates may be opened.
  const std::string& purpose() const { return purpose_; }

  // The one template (1:1, or to renew it), or null: the purpose's gallery (1:N, or to measure).
  const v1::TemplateRecord* only_template() const { return only_template_.get(); }

  // 1:N: templates of these categories take part, and at most so many candidates come back.
  const std::vector<v1::SubjectCategory>& categories() const { return categories_; }
  uint32_t candidate_cap() const { return candidate_cap_; }

  // The case whose slot seals probe and result; empty for 1:1.
  const std::string& case_id() const { return case_id_; }
  uint32_t case_slot() const { return case_slot_; }

 private:
  friend class GrantMaker;  // changes_search.cc

  explicit Grant(std::string purpose) : purpose_(std::move(purpose)) {}

  std::string purpose_;
  std::shared_ptr<const v1::TemplateRecord> only_template_;
  std::vector<v1::SubjectCategory> categories_;
  uint32_t candidate_cap_ = 0;
  std::string case_id_;
  uint32_t case_slot_ = 0;
};

}  // namespace kluis::policy

#endif  // KLUIS_POLICY_GRANT_H_
