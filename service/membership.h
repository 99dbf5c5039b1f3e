// Whether who calls is one of those who may act for the role of its certificate, now. A certificate
// says who somebody is; that he is a member, supervisors say. Thread-safe: a function of its
// arguments.
#ifndef KLUIS_SERVICE_MEMBERSHIP_H_
#define KLUIS_SERVICE_MEMBERSHIP_H_

#include "absl/status/status.h"
#include "policy/facts.h"
#include "policy/state_view.h"
#include "service/identity.h"

namespace kluis::service {

// Of an operator or an auditor: registered, and the membership is not over at `now`. Of a
// supervisor: named by the founding. Of any other role OK: the rules of its acts say whether it is
// a member, and subjects are none. kPermissionDenied, MEMBER_NOT_REGISTERED: not so. Any error of
// `state` is returned, and nothing may then be answered: a store that is down denies.
absl::Status CheckMembership(const policy::StateView& state, const Peer& peer, policy::Time now);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_MEMBERSHIP_H_
