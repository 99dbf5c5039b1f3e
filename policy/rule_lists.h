// SPDX-License-Identifier: Apache-2.0
// Inside policy/ only: the lists of the rules_*.cc files, and the rules that several share.
#ifndef KLUIS_POLICY_RULE_LISTS_H_
#define KLUIS_POLICY_RULE_LISTS_H_

#include "policy/rules.h"

namespace kluis::policy {

// Shared by all signed commands (rules.cc).
extern const Rule kStatementForThisVault;
extern const Rule kStatementFresh;
extern const Rule kStatementOwnEnd;  // of those that take several signers
extern const Rule kStatementOnce;
extern const Rule kIdUnused;

// What a granting statement names (rules_predecessor.cc).
extern const Rule kConsentFollows;
extern const Rule kRestrictionNamed;
extern const Rule kStopNamed;
extern const Rule kWarrantFollows;
extern const Rule kApprovalFollows;
extern const Rule kRegistrationFollows;
extern const Rule kCalibrationFollows;
extern const Rule kRotationFollows;
extern const Rule kRekeyFollows;

// The caller and its authority (rules.cc).
extern const Rule kCallerRole;
extern const Rule kMemberRegistered;
extern const Rule kMemberSigned;
extern const Rule kAuthorityAccredited;

// Who acts for the vault (rules_members.cc).
extern const Rule kFoundingMembers;
extern const Rule kSupervisorOfFounding;
extern const Rule kMemberQuorum;

// Whether a membership or an accreditation may end then.
bool EndsWithinBound(const Facts& f, Time valid_until);

// Distinct supervisors whose signature on the first statement verifies (rules_governance.cc).
size_t SupervisorSignatures(const Facts& f);

// Distinct operators, registered and not over, who signed the statement (rules_upkeep.cc).
size_t OperatorSignatures(const Facts& f);

// The purpose (rules.cc).
extern const Rule kPurposeRegistered;
extern const Rule kPurposeLawful;
extern const Rule kPurposeNotStopped;
extern const Rule kPurposeNotRotating;

// The case (rules_case.cc).
extern const Rule kCaseOfAuthority;

// Whether a case waits in vain: it is not active, and the profile's retention has gone by since it
// was opened, or its warrant is over. `f.kase` is there (rules_case.cc).
bool HasLapsed(const Facts& f);

// Orders of supervisors about a purpose (rules_governance.cc).
extern const Rule kSupervisorSigned;
extern const Rule kSupervisorsQuorum;
extern const Rule kOrderReasoned;
extern const Rule kVaultOpensTemplates;

// How many different operators, registered and not over, signed the statement (rules_upkeep.cc).
size_t OperatorSignatures(const Facts& f);

// Intent and outcome (rules_search.cc).
extern const Rule kOutcomeOfSearch;
extern const Rule kOutcomeNotStopped;

RuleList ClockRules(v1::Command::ActCase act);
RuleList EnrollmentRules(v1::Command::ActCase act);
RuleList CaseRules(v1::Command::ActCase act);
RuleList GovernanceRules(v1::Command::ActCase act);
RuleList MemberRules(v1::Command::ActCase act);
RuleList MeasurementRules(v1::Command::ActCase act);
RuleList RekeyRules(v1::Command::ActCase act);
RuleList SearchRules(v1::Command::ActCase act);
RuleList DisclosureRules(v1::Command::ActCase act);
RuleList UpkeepRules(v1::Command::ActCase act);
RuleList AdmissionRules(v1::Command::ActCase act);

}  // namespace kluis::policy

#endif  // KLUIS_POLICY_RULE_LISTS_H_
