// SPDX-License-Identifier: Apache-2.0
#include "client/verbs/verbs.h"

#include "client/command_line.h"

namespace kluis::client {

void AddVerbs(CommandLine& line) {
  key_verbs::Add(line);
  statement_verbs::Add(line);
  vault_verbs::Add(line);
  seal_verbs::Add(line);
  backup_verbs::Add(line);
  clock_verbs::Add(line);
  authority_verbs::Add(line);
  purpose_verbs::Add(line);
  purpose_measure_verbs::Add(line);
  consent_verbs::Add(line);
  enroll_verbs::Add(line);
  case_verbs::Add(line);
  search_verbs::Add(line);
  candidate_verbs::Add(line);
  release_verbs::Add(line);
  me_verbs::Add(line);
  order_verbs::Add(line);
  log_verbs::Add(line);
  synth_verbs::Add(line);
  completion_verbs::Add(line);
}

}  // namespace kluis::client
