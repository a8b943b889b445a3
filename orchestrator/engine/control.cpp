#include "orchestrator/engine/control.hpp"

namespace pgphase {

bool Control::concerns_us(const RequestRecord& request) const {
  if (request.plan && *request.plan != plan) return false;
  if (request.kind == RequestKind::stop) return request.requested_at > stops_count_from;
  return request.kind != RequestKind::pause || request.requested_at > pauses_count_from;
}

std::optional<StopReason> Control::reason_to_stop() const {
  if (lease_error || signals > 0) return StopReason::interrupted;
  if (deadline && std::chrono::steady_clock::now() >= *deadline) return StopReason::interrupted;
  for (const auto& request : requests) {
    if (!concerns_us(request)) continue;
    if (request.kind == RequestKind::stop) return StopReason::interrupted;
    if (request.kind == RequestKind::pause) return StopReason::paused;
  }
  return std::nullopt;
}

bool Control::cancel_wanted() const {
  if (lease_error || signals > 1) return true;
  for (const auto& request : requests) {
    if (request.kind == RequestKind::pause && request.cancel_now && concerns_us(request)) return true;
  }
  return false;
}

}  // namespace pgphase
