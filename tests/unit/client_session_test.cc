// SPDX-License-Identifier: Apache-2.0
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <memory>
#include <sstream>

#include "client/purposes.h"
#include "client/session.h"
#include "kluis/v1/supervision_service.grpc.pb.h"

namespace kluis::client::session_test {
namespace {

constexpr int64_t kNow = 1'795'374'201;

// Lists five purposes, two on a page.
class FakeVault final : public v1::SupervisionService::Service {
 public:
  FakeVault() {
    grpc::ServerBuilder builder;
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    Settings settings;
    settings.output = "json";
    session_ = std::make_unique<Session>(settings, out, out, server_->InProcessChannel({}));
  }
  ~FakeVault() override { server_->Shutdown(); }

  Session& session() { return *session_; }

  grpc::Status ListPurposes(grpc::ServerContext*, const v1::ListPurposesRequest* request,
                            v1::ListPurposesResponse* response) override {
    const int start = request->page_token().empty() ? 0 : std::stoi(request->page_token());
    for (int i = start; i < start + 2 && i < 5; ++i) {
      v1::PurposeRegistration& purpose = *response->add_purposes()->mutable_registration();
      purpose.set_purpose("purpose-" + std::to_string(i));
      purpose.set_retention_max_days(static_cast<uint32_t>(1000 * i));
      purpose.add_notices()->set_language("nl");
    }
    if (start + 2 < 5) response->set_next_page_token(std::to_string(start + 2));
    return grpc::Status::OK;
  }

  grpc::Status OrderStop(grpc::ServerContext*, const v1::OrderStopRequest* request,
                         v1::OrderStopResponse* response) override {
    request_id = request->request_id();
    response->mutable_receipt()->set_log_index(4);
    return grpc::Status::OK;
  }

  std::ostringstream out;
  std::string request_id;

 private:
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Session> session_;
};

using Stub = v1::SupervisionService::Stub;

TEST(SessionCallAllPages, JoinsThePages) {
  FakeVault vault;
  const auto all = vault.session().CallAllPages<Stub, v1::ListPurposesRequest>(&Stub::ListPurposes);
  ASSERT_TRUE(all.ok()) << all.status();
  ASSERT_EQ(all->purposes_size(), 5);
  EXPECT_EQ(all->purposes(4).registration().purpose(), "purpose-4");
  EXPECT_TRUE(all->next_page_token().empty());
}

TEST(SessionSend, GivesEachCallItsOwnRequestId) {
  FakeVault vault;
  const auto send = [&] {
    return vault.session().Send(&Stub::OrderStop, &v1::OrderStopRequest::mutable_order,
                                v1::Envelope());
  };
  ASSERT_TRUE(vault.session().Print(send()).ok());
  EXPECT_NE(vault.out.str().find(R"("log_index":"4")"), std::string::npos) << vault.out.str();
  const std::string first = vault.request_id;
  ASSERT_TRUE(send().ok());
  EXPECT_NE(first, vault.request_id);
}

TEST(SessionCall, PassesTheServersFailureOn) {
  FakeVault vault;
  const auto response =
      vault.session().Send(&Stub::LiftStop, &v1::LiftStopRequest::mutable_order, v1::Envelope());
  EXPECT_EQ(response.status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(ExitCodeOf(response.status()), ExitCode::kOther);
}

TEST(FindPurpose, FindsOneOnALaterPage) {
  FakeVault vault;
  EXPECT_TRUE(FindPurpose(vault.session(), "purpose-3").ok());
  EXPECT_EQ(FindPurpose(vault.session(), "purpose-9").status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(DraftConsent, RunsAsLongAsThePurposeButFiveYearsAtMost) {
  FakeVault vault;
  const v1::Purpose short_one = *FindPurpose(vault.session(), "purpose-1");
  const v1::Purpose long_one = *FindPurpose(vault.session(), "purpose-3");
  const v1::Notice notice = *FindNotice(short_one, "nl");
  EXPECT_FALSE(FindNotice(short_one, "fr").ok());
  const auto days = [&](const v1::Purpose& purpose, uint32_t wanted) {
    const v1::Consent consent = DraftConsent(purpose, notice, wanted, kNow);
    EXPECT_TRUE(consent.explicit_consent());
    return (consent.expires_at().seconds() - kNow) / kDaySeconds;
  };
  EXPECT_EQ(days(short_one, 0), 1000);
  EXPECT_EQ(days(long_one, 0), 1825);
  EXPECT_EQ(days(long_one, 30), 30);
}

}  // namespace
}  // namespace kluis::client::session_test
