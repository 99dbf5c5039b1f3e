// SPDX-License-Identifier: Apache-2.0
#include "service/host/metrics.h"

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/version.h"
#include "service/publish/publisher.h"

namespace kluis::service {
namespace {

// A label's value: the format escapes three characters.
std::string Quoted(std::string_view value) {
  std::string quoted = "\"";
  for (const char c : value) {
    if (c == '\\' || c == '"') quoted.push_back('\\');
    if (c == '\n') {
      quoted.append("\\n");
    } else {
      quoted.push_back(c);
    }
  }
  quoted.push_back('"');
  return quoted;
}

class Text {
 public:
  // Begins a metric; `type` is gauge or counter.
  void Family(std::string name, const char* type, const char* help) {
    name_ = std::move(name);
    absl::StrAppend(&text_, "# HELP ", name_, " ", help, "\n# TYPE ", name_, " ", type, "\n");
  }
  // `labels`: "" or "{...}".
  void Sample(double value, const std::string& labels = "") {
    absl::StrAppend(&text_, name_, labels, " ", absl::StrFormat("%.17g", value), "\n");
  }
  void Gauge(std::string name, const char* help, double value) {
    Family(std::move(name), "gauge", help);
    Sample(value);
  }

  std::string Take() { return std::move(text_); }

 private:
  std::string name_;
  std::string text_;
};

struct GalleryMetric {
  const char* name;
  const char* type;
  const char* help;
  double (*value)(const Galleries::Status&);
};

constexpr GalleryMetric kGalleryMetrics[] = {
    {"kluis_gallery_ready", "gauge", "1 when the purpose's gallery can be searched.",
     [](const Galleries::Status& s) {
       return s.load.state() == v1::GALLERY_STATE_READY ? 1.0 : 0.0;
     }},
    {"kluis_gallery_loaded_templates", "gauge", "Templates loaded so far.",
     [](const Galleries::Status& s) { return static_cast<double>(s.load.loaded()); }},
    {"kluis_gallery_total_templates", "gauge", "Templates to load, as counted at the beginning.",
     [](const Galleries::Status& s) { return static_cast<double>(s.load.total()); }},
    {"kluis_gallery_resident_bytes", "gauge", "Memory that the gallery takes.",
     [](const Galleries::Status& s) { return static_cast<double>(s.resident_bytes); }},
    {"kluis_gallery_bytes_per_template", "gauge", "That, by templates.",
     [](const Galleries::Status& s) { return s.bytes_per_template(); }},
    {"kluis_gallery_searches_total", "counter", "Searches since the gallery is resident.",
     [](const Galleries::Status& s) { return static_cast<double>(s.scans.searches); }},
    {"kluis_gallery_scan_templates_per_second", "gauge",
     "Templates compared in a second of a search, over the last 64.",
     [](const Galleries::Status& s) { return s.scans.templates_per_second; }},
    {"kluis_gallery_scan_survivors", "gauge",
     "Templates that sketches could not rule out, mean of the last whole 64 searches.",
     [](const Galleries::Status& s) { return s.scans.survivors; }},
    {"kluis_gallery_queue_mean_seconds", "gauge",
     "Time that a search waited for its pass, mean of the last 64.",
     [](const Galleries::Status& s) { return s.scans.queue_seconds_mean; }},
    {"kluis_gallery_queue_max_seconds", "gauge", "The longest of those times.",
     [](const Galleries::Status& s) { return s.scans.queue_seconds_max; }},
};

void AddGalleries(Vault& vault, Text& text) {
  const std::vector<Galleries::Status> galleries = vault.galleries().All();
  const auto labels = [](const Galleries::Status& status) {
    return absl::StrCat("{purpose=", Quoted(status.purpose), "}");
  };
  for (const GalleryMetric& metric : kGalleryMetrics) {
    text.Family(metric.name, metric.type, metric.help);
    for (const Galleries::Status& status : galleries) {
      text.Sample(metric.value(status), labels(status));
    }
  }
  text.Family("kluis_searches_in_flight", "gauge", "Searches that run or wait.");
  for (const Galleries::Status& status : galleries) {
    text.Sample(static_cast<double>(vault.search_queue().InFlight(status.purpose)), labels(status));
  }
}

}  // namespace

std::string MetricsText(Vault& vault) {
  Text text;
  text.Family("kluis_build_info", "gauge", "Always 1.");
  text.Sample(1, absl::StrCat("{version=", Quoted(base::Version()), "}"));
  text.Gauge("kluis_sealed", "1 when the vault is sealed.", vault.gate().is_open() ? 0 : 1);
  text.Gauge("kluis_fault", "1 when something keeps the vault from writing.",
             vault.fault().text().empty() ? 0 : 1);
  text.Gauge("kluis_port_deaf", "1 when the port for calls did not answer the vault itself.",
             vault.port_state().deaf ? 1 : 0);
  text.Family("kluis_port_reopened_total", "counter", "How often it was opened anew for that.");
  text.Sample(static_cast<double>(vault.port_state().reopened));
  const DecisionClock::Reading clock = vault.ledger().ReadClock();
  text.Gauge("kluis_clock_fault", "1 when nobody knows the time: most of the vault stands still.",
             clock.trusted() ? 0 : 1);
  text.Gauge("kluis_clock_ahead_seconds",
             "By how much the machine's clock is before decision time; behind it: negative.",
             static_cast<double>(clock.ahead));
  text.Gauge("kluis_log_entries", "Entries of the log.",
             static_cast<double>(vault.ledger().size()));
  const SignedCheckpoint checkpoint = vault.publisher().Last();
  text.Gauge("kluis_checkpoint_entries", "Entries under the last signed checkpoint.",
             static_cast<double>(checkpoint.size));
  text.Gauge("kluis_checkpoint_timestamp_seconds", "When it was closed, Unix time.",
             static_cast<double>(checkpoint.closed_at));
  uint64_t pending = 0;
  const absl::Status scanned = vault.state().ForEach<v1::PendingErasure>(
      v1::RecordChange::kPendingErasure, [&](const v1::PendingErasure&) { ++pending; });
  if (scanned.ok()) {
    text.Gauge("kluis_pending_erasures", "Erasures that were begun and are not done.",
               static_cast<double>(pending));
  }
  text.Gauge("kluis_search_queue_limit", "Searches of one purpose that may run or wait.",
             static_cast<double>(vault.search_queue().most()));
  text.Family("kluis_searches_refused_total", "counter", "Searches that found the queue full.");
  text.Sample(static_cast<double>(vault.search_queue().refused()));
  const Gate::Pass pass = vault.gate().Enter();
  if (pass.owns_lock()) {
    text.Gauge("kluis_sweep_waits_for_people",
               "People whom a sweep would end once an operator approves; 0: none waits.",
               static_cast<double>(vault.sweeper().waits_for()));
    AddGalleries(vault, text);
  }
  return text.Take();
}

}  // namespace kluis::service
