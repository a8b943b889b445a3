#include "phases/ledger/speed.hpp"

#include <boost/json.hpp>

#include "phases/ledger/ledger.hpp"
#include "phases/postgres/transaction.hpp"

namespace pgphase {
namespace {

namespace json = boost::json;

SpeedInFlight settings_in(const std::string& text) {
  SpeedInFlight out;
  const json::value parsed = json::parse(text);
  for (const auto& [key, value] : parsed.as_object()) out[std::string(key)] = std::string(value.as_string());
  return out;
}

}  // namespace

Result<SpeedInFlight> read_speed(Session& session, const PlanId& plan) {
  PGPHASE_TRY(rows, session.query("SELECT settings FROM pgphase.speed WHERE plan = $1", {plan.value}));
  return rows.empty() ? SpeedInFlight() : settings_in(rows[0].text(0));
}

Result<void> change_speed(Session& session, const PlanId& plan, const SpeedInFlight& changes,
                          const std::string& person) {
  auto transaction = Transaction::begin(session, "set");
  if (!transaction) return transaction.error();
  // One after another: two that read the same settings would lose one's changes.
  PGPHASE_CHECK(session.query("SELECT FROM pgphase.plan WHERE id = $1 FOR UPDATE", {plan.value}));
  PGPHASE_TRY(settings, read_speed(session, plan));
  std::string said;
  for (const auto& [key, text] : changes) {
    if (text.empty()) {
      settings.erase(key);
    } else {
      settings[key] = text;
    }
    said += (said.empty() ? "" : ", ") + key + " = " + (text.empty() ? "default" : text);
  }
  json::object out;
  for (const auto& [key, text] : settings) out[key] = text;
  PGPHASE_CHECK(session.query(
      "INSERT INTO pgphase.speed (plan, settings, by_person) VALUES ($1, $2, $3) ON CONFLICT (plan) DO UPDATE SET "
      "settings = EXCLUDED.settings, by_person = EXCLUDED.by_person, by_role = session_user, set_at = clock_timestamp()",
      {plan.value, json::serialize(out), person}));
  PGPHASE_CHECK(record_event(session, person, {plan, Phase::backfill, ""}, "speed_set", said));
  return transaction->commit();
}

Result<void> tell_speed(Session& session, const Fence& fence, const StepKey& key, const std::string& chosen,
                        const std::string& slowed_by) {
  PGPHASE_CHECK(session.query(
      "UPDATE pgphase.backfill SET chosen = nullif($5, '')::json, slowed_by = nullif($6, '') "
      "WHERE plan = $1 AND phase = $2 AND step = $3 AND (SELECT token FROM pgphase.lease) = $4::bigint",
      {key.plan.value, to_string(key.phase), key.step, std::to_string(fence.token), chosen, slowed_by}));
  return {};
}

}  // namespace pgphase
