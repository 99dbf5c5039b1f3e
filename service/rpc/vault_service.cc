// SPDX-License-Identifier: Apache-2.0
#include "service/rpc/vault_service.h"

#include "base/codec.h"
#include "base/version.h"
#include "policy/record_key.h"
#include "policy/rules.h"
#include "service/acts/requests.h"
#include "service/ledger/self_check.h"
#include "service/publish/publisher.h"
#include "service/rpc/page_bytes.h"
#include "service/rpc/page_token.h"

namespace kluis::service {
namespace {

uint64_t Rounded(double value) { return static_cast<uint64_t>(value + 0.5); }

// Who runs and who checks the vault, and until when: so that nobody finds out by a refusal.
absl::Status AddMembers(Vault& vault, v1::GetVaultStatusResponse& out) {
  return vault.state().ForEach<v1::MemberRecord>(
      v1::RecordChange::kMember, [&](const v1::MemberRecord& member) {
        if (member.role() != v1::ROLE_OPERATOR && member.role() != v1::ROLE_AUDITOR) return;
        v1::GetVaultStatusResponse::Member* view = out.add_members();
        view->set_role(member.role());
        view->set_name(member.name());
        if (member.valid_until() > 0) {  // not ended
          view->mutable_valid_until()->set_seconds(member.valid_until());
        }
        view->set_term(base::ToHex(member.term()));
      });
}

// What only an open vault has.
void AddOpenStatus(Vault& vault, v1::GetVaultStatusResponse& out) {
  const Gate::Pass pass = vault.gate().Enter();
  if (!pass.owns_lock()) return;
  out.set_keyring_generation(vault.keyring().generation());
  out.set_keyring_nodes(vault.keyring().cover_size());
  for (const std::string& repair : vault.keyring().repairs()) out.add_keyring_repairs(repair);
  if (out.fault().empty()) out.set_fault(vault.eraser().failure());
  for (const Galleries::Status& status : vault.galleries().All()) {
    v1::GetVaultStatusResponse::Gallery* gallery = out.add_galleries();
    gallery->set_purpose(status.purpose);
    gallery->set_state(status.load.state());
    gallery->set_loaded(status.load.loaded());
    gallery->set_total(status.load.total());
    gallery->set_size(status.templates);
    gallery->set_resident_bytes(status.resident_bytes);
    gallery->set_bytes_per_template(Rounded(status.bytes_per_template()));
    gallery->set_searches(status.scans.searches);
    gallery->set_templates_per_second(Rounded(status.scans.templates_per_second));
    gallery->set_survivors(Rounded(status.scans.survivors));
    gallery->set_queue_mean_microseconds(Rounded(status.scans.queue_seconds_mean * 1e6));
    gallery->set_queue_max_microseconds(Rounded(status.scans.queue_seconds_max * 1e6));
    gallery->set_in_flight(static_cast<uint32_t>(vault.search_queue().InFlight(status.purpose)));
    gallery->set_queue(static_cast<uint32_t>(vault.search_queue().most()));
  }
}

}  // namespace

v1::SealStatus SealStatusOf(Vault& vault) {
  v1::SealStatus status = vault.unsealer().Status();
  status.set_sealed(!vault.gate().is_open());
  if (status.sealed() && status.why().empty()) status.set_why(vault.why_sealed());
  if (!status.sealed()) status.set_initialized(true);
  const auto order = policy::Find<v1::PendingRekey>(vault.state(), policy::key::PendingRekey());
  if (order.ok() && order->has_value()) *status.mutable_ordered() = **order;
  const auto last = policy::Find<v1::LastRekeyOrder>(vault.state(), policy::key::LastRekeyOrder());
  if (last.ok()) status.set_last_rekey(last->has_value() ? base::ToHex((*last)->digest()) : "none");
  return status;
}

grpc::Status VaultService::GetVaultStatus(grpc::ServerContext* context,
                                          const v1::GetVaultStatusRequest* request,
                                          v1::GetVaultStatusResponse* response) {
  Vault& vault = calls_.vault();
  return calls_.Unary<v1::GetVaultStatusRequest, v1::GetVaultStatusResponse>(
      context, *request, *response, Validate,
      [&](const Call& call, v1::GetVaultStatusResponse& out) {
        out.set_origin(vault.origin());
        out.set_version(base::Version());
        out.mutable_started_at()->set_seconds(started_at_);
        out.set_log_size(vault.ledger().size());
        const auto slots = policy::Find<v1::SlotCounter>(vault.state(), policy::key::Slots());
        if (!slots.ok()) return slots.status();
        if (slots->has_value()) out.set_slots_used((*slots)->next_slot());
        *out.mutable_seal() = SealStatusOf(vault);
        // It may name files of the machine.
        if (call.caller.role() != v1::ROLE_OPERATOR) out.mutable_seal()->clear_why();
        out.set_disk(std::string(InWords(vault.space().level())));
        const absl::Status listed = AddMembers(vault, out);
        if (!listed.ok()) return listed;
        uint64_t pending = 0;
        const absl::Status scanned = vault.state().ForEach<v1::PendingErasure>(
            v1::RecordChange::kPendingErasure, [&](const v1::PendingErasure&) { ++pending; });
        out.set_pending_erasures(pending);
        const SignedCheckpoint checkpoint = vault.publisher().Last();
        out.set_checkpoint_size(checkpoint.size);
        if (checkpoint.closed_at > 0) {
          out.mutable_checkpoint_at()->set_seconds(checkpoint.closed_at);
        }
        for (const Witnesses::State& state : vault.publisher().witnesses()) {
          v1::GetVaultStatusResponse::Witness* witness = out.add_witnesses();
          witness->set_name(state.name);
          if (state.cosigned_at > 0)
            witness->mutable_cosigned_at()->set_seconds(static_cast<int64_t>(state.cosigned_at));
          witness->set_cosigned_size(state.cosigned_size);
          witness->set_failure(state.failure);
        }
        out.set_witness_quorum(static_cast<uint32_t>(vault.publisher().witness_quorum()));
        out.set_cosignatures(static_cast<uint32_t>(checkpoint.cosigned));
        out.set_fault(vault.fault().text());
        *out.mutable_clock() = ClockStatusOf(vault);
        if (out.fault().empty()) out.set_fault(out.clock().fault());
        AddOpenStatus(vault, out);
        return scanned;
      });
}

grpc::Status VaultService::CheckVault(grpc::ServerContext* context,
                                      const v1::CheckVaultRequest* request,
                                      v1::CheckVaultResponse* response) {
  return calls_.Unary<v1::CheckVaultRequest, v1::CheckVaultResponse>(
      context, *request, *response, Validate, [&](const Call& call, v1::CheckVaultResponse& out) {
        const std::unique_lock alone(checking_, std::try_to_lock);
        if (!alone.owns_lock()) return OtherCheck();
        const auto end = std::chrono::steady_clock::now() + kLongestCheck;
        const absl::StatusOr<SelfCheck> check = CheckState(calls_.vault().database(), [&] {
          return call.context->IsCancelled() || std::chrono::steady_clock::now() > end;
        });
        if (!check.ok()) return check.status();
        out.set_entries(check->entries);
        out.set_records(check->records);
        out.set_consistent(check->consistent);
        out.set_first_difference(base::ToHex(check->first_difference));
        return absl::OkStatus();
      });
}

grpc::Status VaultService::GetReleaseKey(grpc::ServerContext* context,
                                         const v1::GetReleaseKeyRequest* request,
                                         v1::GetReleaseKeyResponse* response) {
  return calls_.Unary<v1::GetReleaseKeyRequest, v1::GetReleaseKeyResponse>(
      context, *request, *response, Validate, [&](const Call&, v1::GetReleaseKeyResponse& out) {
        const absl::StatusOr<crypto::ReleaseKey> key = calls_.vault().sealer().ReleaseKey();
        if (!key.ok()) return key.status();
        out.set_release_key(key->public_key().data(), key->public_key().size());
        return absl::OkStatus();
      });
}

grpc::Status VaultService::ListPolicyRules(grpc::ServerContext* context,
                                           const v1::ListPolicyRulesRequest* request,
                                           v1::ListPolicyRulesResponse* response) {
  return calls_.Unary<v1::ListPolicyRulesRequest, v1::ListPolicyRulesResponse>(
      context, *request, *response, Validate,
      [&](const Call& call, v1::ListPolicyRulesResponse& out) {
        const PageTokens tokens(call.peer);
        const absl::StatusOr<uint64_t> skip = tokens.Read(request->page_token());
        if (!skip.ok()) return skip.status();
        const std::vector<const policy::Rule*> rules = policy::AllRules();
        PageBytes room;
        uint64_t next = *skip;
        for (; next < rules.size(); ++next) {
          const policy::Rule& rule = *rules[next];
          v1::PolicyRule view;
          view.set_id(std::string(rule.id));
          view.set_law(std::string(rule.law));
          view.set_sentence(std::string(rule.sentence));
          view.set_reason(std::string(rule.reason));
          view.set_public_reason(std::string(rule.public_reason));
          if (!room.Take(view)) break;
          *out.add_rules() = std::move(view);
        }
        if (*skip == 0) out.set_policy_digest(calls_.vault().policy_digest());
        if (next < rules.size()) out.set_next_page_token(tokens.Make(next));
        return absl::OkStatus();
      });
}

}  // namespace kluis::service
