#include "phases/ledger/speed.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "phases/ledger/ledger.hpp"
#include "phases/postgres/transaction.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

namespace json = boost::json;

SpeedInFlight settings_in(const std::string& text) {
  SpeedInFlight out;
  const json::value parsed = json::parse(text);
  for (const auto& [key, value] : parsed.as_object()) out[std::string(key)] = std::string(value.as_string());
  return out;
}

Result<void> may_change_speed(Session& session) {
  PGPHASE_TRY(rights, session.query("SELECT has_table_privilege('pgphase.speed', 'INSERT') AND "
                                    "has_table_privilege('pgphase.speed', 'UPDATE') "
                                    "       AND has_table_privilege('pgphase.event', 'INSERT'), current_user"));
  if (rights[0].boolean(0)) return {};
  const auto role = rights[0].text(1);
  return make_error(
      Errc::refused,
      fmt::format("the role {} may read the ledger in {}, and not set a speed in it", role, session.target()),
      fmt::format(
          "Nothing was changed. Connect as the role that runs `pgphase up`, or let it say: GRANT INSERT, UPDATE "
          "ON pgphase.speed TO {0}; GRANT INSERT ON pgphase.event TO {0};",
          quote_ident(role)));
}

}  // namespace

Result<SpeedInFlight> read_speed(Session& session, const PlanId& plan) {
  PGPHASE_TRY(rows, session.query("SELECT settings FROM pgphase.speed WHERE plan = $1", {plan.value}));
  return rows.empty() ? SpeedInFlight() : settings_in(rows[0].text(0));
}

Result<void> change_speed(Session& session, const PlanId& plan, const SpeedInFlight& changes,
                          const std::string& person) {
  PGPHASE_CHECK(may_change_speed(session));
  auto transaction = Transaction::begin(session, "set");
  if (!transaction) return transaction.error();
  // One after another: two that read the same settings would lose one's changes.
  PGPHASE_CHECK(session.query(fmt::format("SELECT pg_advisory_xact_lock({}, {})", k_lock_space, k_lock_speed)));
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
      "settings = EXCLUDED.settings, by_person = EXCLUDED.by_person, by_role = session_user, set_at = "
      "clock_timestamp()",
      {plan.value, json::serialize(out), person}));
  PGPHASE_CHECK(record_event(session, person, {plan, Phase::backfill, ""}, "speed_set", said));
  return transaction->commit();
}

Result<void> tell_speed(Session& session, const Fence& fence, const StepKey& key, const std::string& chosen,
                        const std::string& slowed_by) {
  PGPHASE_CHECK(
      session.query("UPDATE pgphase.backfill SET chosen = nullif($5, '')::json, slowed_by = nullif($6, '') "
                    "WHERE plan = $1 AND phase = $2 AND step = $3 AND (SELECT token FROM pgphase.lease) = $4::bigint",
                    {key.plan.value, to_string(key.phase), key.step, std::to_string(fence.token), chosen, slowed_by}));
  return {};
}

}  // namespace pgphase
