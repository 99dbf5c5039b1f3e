// SPDX-License-Identifier: Apache-2.0
#include "service/rpc/methods.h"

#include <algorithm>
#include <iterator>

namespace kluis::service {

bool IsRevocation(std::string_view method) {
  constexpr std::string_view kRevocations[] = {
      "kluis.v1.SubjectService.WithdrawConsent",    "kluis.v1.SubjectService.GetHoldings",
      "kluis.v1.SubjectService.GetAccessChallenge", "kluis.v1.SubjectService.RestrictProcessing",
      "kluis.v1.SupervisionService.OrderStop",      "kluis.v1.CaseService.CloseCase",
      "kluis.v1.CaseService.RefuseWarrant",         "kluis.v1.VaultService.GetVaultStatus",
  };
  return std::find(std::begin(kRevocations), std::end(kRevocations), method) !=
         std::end(kRevocations);
}

bool WorksSealed(std::string_view method) {
  constexpr std::string_view kSealedMethods[] = {
      "kluis.v1.VaultService.GetVaultStatus",
      "kluis.v1.VaultService.InitVault",
      "kluis.v1.VaultService.UnsealVault",
      "kluis.v1.VaultService.SealVault",
      "kluis.v1.VaultService.RekeyVault",
      "kluis.v1.VaultService.ProveShare",
      "kluis.v1.VaultService.ListBackups",
      "kluis.v1.VaultService.RestoreVault",
      "kluis.v1.VaultService.ListPolicyRules",
      "kluis.v1.VaultService.BackUpVault",
      "kluis.v1.VaultService.CheckVault",
      "kluis.v1.VaultService.CancelRekey",
      "kluis.v1.VaultService.ConfirmClock",
      "kluis.v1.VaultService.SetClockBack",
      // So that a vault whose operators are all gone can be given new ones.
      "kluis.v1.SupervisionService.RegisterMember",
      "kluis.v1.SupervisionService.SetMemberTerm",
  };
  return std::find(std::begin(kSealedMethods), std::end(kSealedMethods), method) !=
         std::end(kSealedMethods);
}

bool HasReserve(std::string_view method) {
  constexpr std::string_view kReserved[] = {
      "kluis.v1.SubjectService.WithdrawConsent",
      "kluis.v1.SubjectService.GetHoldings",
      "kluis.v1.SubjectService.RestrictProcessing",
      "kluis.v1.SupervisionService.OrderStop",
      "kluis.v1.VaultService.SealVault",
      "kluis.v1.CaseService.CloseCase",
      "kluis.v1.CaseService.RefuseWarrant",
  };
  return std::find(std::begin(kReserved), std::end(kReserved), method) != std::end(kReserved);
}

bool NamesAPerson(std::string_view method) {
  return method == "kluis.v1.SubjectService.GetHoldings" ||
         method == "kluis.v1.SearchService.DiscloseCandidate" ||
         method == "kluis.v1.SupervisionService.InspectEntries";
}

bool IsSubjectRight(std::string_view method) {
  return method.starts_with("kluis.v1.SubjectService.");
}

bool TakesItsTime(std::string_view method) {
  constexpr std::string_view kSlow[] = {
      "kluis.v1.VaultService.UnsealVault", "kluis.v1.VaultService.SealVault",
      "kluis.v1.VaultService.ProveShare",  "kluis.v1.VaultService.InitVault",
      "kluis.v1.VaultService.RekeyVault",  "kluis.v1.VaultService.CheckVault",
      "kluis.v1.VaultService.ListBackups",
  };
  return std::find(std::begin(kSlow), std::end(kSlow), method) != std::end(kSlow);
}

}  // namespace kluis::service
