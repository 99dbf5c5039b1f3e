// SPDX-License-Identifier: Apache-2.0
// Who signs a grant saw a state of the vault. The statement names it, and is void when something of
// the kind was granted or taken back since. What it names decides, not which date is later: a phone
// with a wrong date bars nobody.
#include "policy/rule_lists.h"

namespace kluis::policy {
namespace {

constexpr char kDiffers[] = "PREDECESSOR_DIFFERS";

const v1::CaseRecord& Case(const Facts& f) { return *f.kase; }

}  // namespace

// What is live is replaced by its name (enrollment.replaces-live). A withdrawn person is enrolled
// by a consent that was signed after the withdrawal, which only then had a digest to name.
const Rule kConsentFollows = {
    "consent.follows",
    "GDPR 7(3)",
    "A consent names the template that it replaces, or the end of the subject's last template for "
    "the purpose, or that there was none.",
    kDiffers,
    kDiffers,
    [](const Facts& f) {
      const v1::Enroll& enroll = f.command->enroll();
      if (!enroll.replaces().empty()) return enroll.follows().empty() && !enroll.follows_none();
      if (!f.record) return enroll.follows_none();
      return !enroll.follows_none() && enroll.follows() == f.record->end();
    }};

const Rule kRestrictionNamed = {"restriction.named",
                                "GDPR 18(3)",
                                "The lift of a restriction names the restriction that is in force.",
                                kDiffers,
                                kDiffers,
                                [](const Facts& f) {
                                  return f.command->lift_restriction().restriction() ==
                                         f.record->restriction();
                                }};

const Rule kStopNamed = {
    "stop.named",
    "GDPR 58, AP-6",
    "A lift names the stop that is in force.",
    kDiffers,
    kDiffers,
    [](const Facts& f) { return Names(f.command->lift().order().stop(), f.stop); }};

const Rule kWarrantFollows = {
    "warrant.follows",
    "AI Act 26(10)",
    "A warrant names the opening of its case, and the warrant or refusal before it or that there "
    "was none.",
    kDiffers,
    kDiffers,
    [](const Facts& f) {
      const v1::Warrant& warrant = f.command->issue_warrant().warrant();
      return Names(warrant.opening(), Case(f).opening_digest()) &&
             Names(warrant.follows(), Case(f).warrant_digest());
    }};

// The warrant may come while the approval is on its way: both name the opening.
const Rule kApprovalFollows = {
    "approval.follows",
    "AI Act 14(5)",
    "An approval names the opening of its case, and of a warrant only the one that was issued.",
    kDiffers,
    kDiffers,
    [](const Facts& f) {
      const v1::CaseApproval& approval = f.command->approve_case().approval();
      return Names(approval.opening(), Case(f).opening_digest()) &&
             (approval.warrant().empty() ||
              (Case(f).has_warrant() && Names(approval.warrant(), Case(f).warrant_digest())));
    }};

const Rule kRegistrationFollows = {
    "registration.follows",
    "LED 25, GDPR 32",
    "A registration names the last one of the same member, or that there was none.",
    kDiffers,
    kDiffers,
    [](const Facts& f) {
      return Names(f.command->register_().registration().follows(),
                   f.registered ? f.registered->term() : std::string());
    }};

const Rule kCalibrationFollows = {
    "calibration.follows",
    "AI Act 15",
    "The order of a calibration names the purpose's last one, or that there was none.",
    kDiffers,
    kDiffers,
    [](const Facts& f) {
      return Names(f.command->calibrate().order().follows(), f.purpose_record->calibrated_by());
    }};

const Rule kRotationFollows = {
    "rotation.follows",
    "GDPR 32",
    "The order of a rotation names the purpose's last one, or that there was none.",
    kDiffers,
    kDiffers,
    [](const Facts& f) {
      return Names(f.command->rotate_transform().order().follows(), f.purpose_record->rotated_by());
    }};

const Rule kRekeyFollows = {
    "rekey.follows",
    "GDPR 32",
    "An order of new shares names the last such order or its cancellation, or that there was none.",
    kDiffers,
    kDiffers,
    [](const Facts& f) { return Names(f.command->order_rekey().order().follows(), f.last_rekey); }};

}  // namespace kluis::policy
