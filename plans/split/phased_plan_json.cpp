#include "plans/split/phased_plan_json.hpp"

#include <fmt/format.h>

#include <array>
#include <stdexcept>

#include "plans/base/sha256.hpp"

namespace pgphase {
namespace {

namespace json = boost::json;

// The words in which enumerators are kept: these are the format, whatever happens to the C++ names.
template <class E>
struct Word {
  E value;
  std::string_view word;
};
constexpr auto k_modes = std::to_array<Word<LockMode>>({
    {LockMode::none, "none"},
    {LockMode::access_share, "access_share"},
    {LockMode::row_share, "row_share"},
    {LockMode::row_exclusive, "row_exclusive"},
    {LockMode::share_update_exclusive, "share_update_exclusive"},
    {LockMode::share, "share"},
    {LockMode::share_row_exclusive, "share_row_exclusive"},
    {LockMode::exclusive, "exclusive"},
    {LockMode::access_exclusive, "access_exclusive"},
});
constexpr auto k_statement_kinds = std::to_array<Word<StatementKind>>({
    {StatementKind::transactional, "transactional"},
    {StatementKind::validate, "validate"},
    {StatementKind::create_index_concurrently, "create_index_concurrently"},
    {StatementKind::drop_index_concurrently, "drop_index_concurrently"},
    {StatementKind::rebuild_index, "rebuild_index"},
    {StatementKind::maintenance, "maintenance"},
    {StatementKind::require, "require"},
    {StatementKind::nothing, "nothing"},
});
constexpr auto k_todos = std::to_array<Word<Todo>>({
    {Todo::where, "where"},
    {Todo::fill_empty, "fill_empty"},
    {Todo::differs, "differs"},
    {Todo::marker, "marker"},
});

template <class E, std::size_t N>
std::string_view word_of(const std::array<Word<E>, N>& words, E value) {
  for (const auto& entry : words) {
    if (entry.value == value) return entry.word;
  }
  throw std::logic_error("an enumerator without a word in the split's format");
}

template <class E, std::size_t N>
E value_of(const std::array<Word<E>, N>& words, const json::value& word) {
  for (const auto& entry : words) {
    if (entry.word == std::string_view(word.as_string())) return entry.value;
  }
  throw std::invalid_argument(fmt::format("\"{}\" is not a known word", std::string_view(word.as_string())));
}

std::string text(const json::object& from, std::string_view key) {
  return json::value_to<std::string>(from.at(key));
}

template <class T, class F>
json::array array_of(const std::vector<T>& items, F&& convert) {
  json::array out;
  for (const auto& item : items) out.push_back(convert(item));
  return out;
}

template <class T, class F>
std::vector<T> vector_of(const json::value& items, F&& convert) {
  std::vector<T> out;
  for (const auto& item : items.as_array()) out.push_back(convert(item));
  return out;
}

json::value to_value(const std::string& value) {
  return json::string(value);
}
std::string to_text(const json::value& value) {
  return json::value_to<std::string>(value);
}

json::value table_to_json(const TableName& table) {
  return json::object{{"schema", table.schema}, {"name", table.name}};
}
TableName table_from_json(const json::value& from) {
  return {text(from.as_object(), "schema"), text(from.as_object(), "name")};
}

json::value statement_to_json(const Statement& statement) {
  const auto locks = array_of(statement.locks, [](const RelationLock& held) {
    return json::object{{"table", table_to_json(held.table)}, {"mode", word_of(k_modes, held.mode)}};
  });
  json::object out{{"kind", word_of(k_statement_kinds, statement.kind)},
                   {"sql", statement.sql},
                   {"locks", locks},
                   {"locks_known", statement.locks_known},
                   {"note", statement.note},
                   {"index", table_to_json(statement.index)}};
  if (!statement.unmet.empty()) out["unmet"] = statement.unmet;
  return out;
}

Statement statement_from_json(const json::value& value) {
  const auto& from = value.as_object();
  Statement out;
  out.kind = value_of(k_statement_kinds, from.at("kind"));
  out.sql = text(from, "sql");
  out.locks = vector_of<RelationLock>(from.at("locks"), [](const json::value& item) {
    return RelationLock{table_from_json(item.at("table")), value_of(k_modes, item.at("mode"))};
  });
  out.locks_known = from.at("locks_known").as_bool();
  out.note = text(from, "note");
  out.index = table_from_json(from.at("index"));
  if (from.contains("unmet")) out.unmet = text(from, "unmet");
  return out;
}

json::value linked_to_json(const LinkedColumn& column) {
  json::object out{
      {"name", column.name}, {"type", column.type}, {"like", column.like}, {"expression", column.expression}};
  if (!column.called.empty()) out["called"] = column.called;
  return out;
}
LinkedColumn linked_from_json(const json::value& value) {
  const auto& from = value.as_object();
  return {text(from, "name"), text(from, "type"), text(from, "like"), text(from, "expression"),
          from.contains("called") ? text(from, "called") : std::string()};
}

json::value assignment_to_json(const Assignment& one) {
  return json::object{{"column", one.column}, {"expression", one.expression}};
}
Assignment assignment_from_json(const json::value& value) {
  return {text(value.as_object(), "column"), text(value.as_object(), "expression")};
}

json::object speed_to_json(const BackfillSpeed& speed) {
  json::object out;
  if (speed.workers) out["workers"] = *speed.workers;
  if (speed.batch_time) out["batch_time_ms"] = speed.batch_time->count();
  if (speed.scan) out["scan"] = *speed.scan;
  if (speed.stripes) out["stripes"] = *speed.stripes;
  if (speed.max_bad_rows) out["max_bad_rows"] = *speed.max_bad_rows;
  return out;
}

BackfillSpeed speed_from_json(const json::object& from) {
  BackfillSpeed out;
  const auto integer = [&](const char* key) { return from.at(key).to_number<std::int64_t>(); };
  if (from.contains("workers")) out.workers = static_cast<int>(integer("workers"));
  if (from.contains("batch_time_ms")) out.batch_time = std::chrono::milliseconds(integer("batch_time_ms"));
  if (from.contains("scan")) out.scan = text(from, "scan");
  if (from.contains("stripes")) out.stripes = text(from, "stripes");
  if (from.contains("max_bad_rows")) out.max_bad_rows = integer("max_bad_rows");
  return out;
}

struct BodyToJson {
  json::object operator()(const SqlBody& body) const {
    json::object out{{"type", "sql"},
                     {"forward", array_of(body.forward, statement_to_json)},
                     {"undo", array_of(body.undo, statement_to_json)}};
    if (body.stays_with) out["stays_with"] = table_to_json(*body.stays_with);
    return out;
  }
  json::object operator()(const CreateTableBody& body) const {
    return {{"type", "create_table"}, {"table", table_to_json(body.table)}, {"sql", body.sql}};
  }
  json::object operator()(const AddColumnBody& body) const {
    return {{"type", "add_column"}, {"table", table_to_json(body.table)}, {"column", body.column},
            {"sql", body.sql},      {"default_sql", body.default_sql},    {"nullable", body.nullable}};
  }
  json::object operator()(const LinkColumnsBody& body) const {
    return {{"type", "link_columns"},
            {"table", table_to_json(body.table)},
            {"sources", array_of(body.sources, linked_to_json)},
            {"targets", array_of(body.targets, linked_to_json)},
            {"null_is_absent", body.null_is_absent},
            {"errors_become_null", body.errors_become_null},
            {"one_is_the_other", body.one_is_the_other}};
  }
  json::object operator()(const HandOverBody& body) const {
    const auto renaming_to_json = [](const Renaming& one) { return json::object{{"from", one.from}, {"to", one.to}}; };
    return {{"type", "hand_over"},
            {"table", table_to_json(body.table)},
            {"link_step", body.link_step},
            {"retire", array_of(body.retire, to_value)},
            {"rename", array_of(body.rename, renaming_to_json)},
            {"defaults", array_of(body.defaults, assignment_to_json)}};
  }
  json::object operator()(const RetypeBody& body) const {
    const bool twins = body.part == RetypeBody::Part::twins;
    return {{"type", "retype"},     {"table", table_to_json(body.table)}, {"column", body.column},
            {"to_type", body.type}, {"link_step", body.link_step},        {"fill", body.fill},
            {"down", body.down},    {"default", body.default_sql},        {"part", twins ? "twins" : "swap"}};
  }
  json::object operator()(const RetireTableBody& body) const {
    return {{"type", "retire_table"}, {"table", table_to_json(body.table)}};
  }
  json::object operator()(const RenameTableBody& body) const {
    const bool view = body.part == RenameTableBody::Part::view;
    return {{"type", "rename_table"},
            {"table", table_to_json(body.table)},
            {"to", body.to},
            {"part", view ? "view" : "rename"}};
  }
  json::object operator()(const DropNotNullBody& body) const {
    return {{"type", "drop_not_null"},
            {"table", table_to_json(body.table)},
            {"column", body.column},
            {"restore", body.restore},
            {"unless_there_is_a_default", body.unless_there_is_a_default}};
  }
  json::object operator()(const KeepOldBody& body) const {
    return {{"type", "keep_old"}, {"table", table_to_json(body.table)}, {"columns", array_of(body.columns, to_value)}};
  }
  json::object operator()(const BackfillBody& body) const {
    const auto set = array_of(body.set, assignment_to_json);
    json::object out{{"type", "backfill"},
                     {"table", table_to_json(body.table)},
                     {"set", set},
                     {"where", body.where},
                     {"todo", word_of(k_todos, body.todo)},
                     {"functions", array_of(body.functions, to_value)},
                     {"undo", array_of(body.undo, statement_to_json)}};
    if (!body.link_step.empty()) out["link_step"] = body.link_step;
    if (!body.keep_step.empty()) out["keep_step"] = body.keep_step;
    if (body.speed != BackfillSpeed{}) out["speed"] = speed_to_json(body.speed);
    return out;
  }
};

decltype(Step::body) body_from_json(const json::value& value) {
  const auto& from = value.as_object();
  const auto type = text(from, "type");
  if (type == "sql") {
    SqlBody out{vector_of<Statement>(from.at("forward"), statement_from_json),
                vector_of<Statement>(from.at("undo"), statement_from_json)};
    if (from.contains("stays_with")) out.stays_with = table_from_json(from.at("stays_with"));
    return out;
  }
  if (type == "create_table") return CreateTableBody{table_from_json(from.at("table")), text(from, "sql")};
  if (type == "add_column") {
    return AddColumnBody{table_from_json(from.at("table")), text(from, "column"), text(from, "sql"),
                         text(from, "default_sql"), from.at("nullable").as_bool()};
  }
  if (type == "link_columns") {
    return LinkColumnsBody{table_from_json(from.at("table")),
                           vector_of<LinkedColumn>(from.at("sources"), linked_from_json),
                           vector_of<LinkedColumn>(from.at("targets"), linked_from_json),
                           from.at("null_is_absent").as_bool(),
                           from.at("errors_become_null").as_bool(),
                           from.at("one_is_the_other").as_bool()};
  }
  if (type == "hand_over") {
    const auto renaming_from_json = [](const json::value& one) {
      return Renaming{text(one.as_object(), "from"), text(one.as_object(), "to")};
    };
    return HandOverBody{table_from_json(from.at("table")), text(from, "link_step"),
                        vector_of<std::string>(from.at("retire"), to_text),
                        vector_of<Renaming>(from.at("rename"), renaming_from_json),
                        vector_of<Assignment>(from.at("defaults"), assignment_from_json)};
  }
  if (type == "retype") {
    RetypeBody out;
    out.table = table_from_json(from.at("table"));
    out.column = text(from, "column");
    out.type = text(from, "to_type");
    out.link_step = text(from, "link_step");
    out.fill = text(from, "fill");
    out.down = text(from, "down");
    out.default_sql = text(from, "default");
    out.part = text(from, "part") == "twins" ? RetypeBody::Part::twins : RetypeBody::Part::swap;
    return out;
  }
  if (type == "retire_table") return RetireTableBody{table_from_json(from.at("table"))};
  if (type == "rename_table") {
    const bool view = text(from, "part") == "view";
    return RenameTableBody{table_from_json(from.at("table")), text(from, "to"),
                           view ? RenameTableBody::Part::view : RenameTableBody::Part::rename};
  }
  if (type == "drop_not_null") {
    return DropNotNullBody{table_from_json(from.at("table")), text(from, "column"), text(from, "restore"),
                           from.at("unless_there_is_a_default").as_bool()};
  }
  if (type == "keep_old") {
    return KeepOldBody{table_from_json(from.at("table")), vector_of<std::string>(from.at("columns"), to_text)};
  }
  if (type != "backfill") throw std::invalid_argument(fmt::format("\"{}\" is not a kind of step", type));
  BackfillBody out;
  out.table = table_from_json(from.at("table"));
  out.set = vector_of<Assignment>(from.at("set"), assignment_from_json);
  out.where = text(from, "where");
  out.todo = value_of(k_todos, from.at("todo"));
  out.functions = vector_of<std::string>(from.at("functions"), to_text);
  out.undo = vector_of<Statement>(from.at("undo"), statement_from_json);
  if (from.contains("link_step")) out.link_step = text(from, "link_step");
  if (from.contains("keep_step")) out.keep_step = text(from, "keep_step");
  if (from.contains("speed")) out.speed = speed_from_json(from.at("speed").as_object());
  return out;
}

json::value step_to_json(const Step& step) {
  json::object out{{"name", step.name}, {"body", std::visit(BodyToJson{}, step.body)}};
  out["irreversible"] = step.irreversible ? json::value(*step.irreversible) : json::value(nullptr);
  out["verify"] = step.verify;
  out["touches"] = array_of(step.touches, table_to_json);
  out["line"] = step.line;
  if (!step.allow.empty()) {
    json::object allow;
    for (const auto& [rule, why] : step.allow) allow[rule] = why;
    out["allow"] = std::move(allow);
  }
  return out;
}

Step step_from_json(const json::value& value) {
  const auto& from = value.as_object();
  Step out;
  out.name = text(from, "name");
  out.body = body_from_json(from.at("body"));
  if (!from.at("irreversible").is_null()) out.irreversible = text(from, "irreversible");
  out.verify = text(from, "verify");
  out.touches = vector_of<TableName>(from.at("touches"), table_from_json);
  out.line = json::value_to<int>(from.at("line"));
  if (const auto* allow = from.if_contains("allow")) {
    for (const auto& one : allow->as_object()) out.allow.emplace(one.key(), json::value_to<std::string>(one.value()));
  }
  return out;
}

json::value gate_to_json(const Gate& gate) {
  json::object out{{"approve", gate.approve}};
  out["wait_seconds"] = gate.wait ? json::value(gate.wait->count()) : json::value(nullptr);
  out["check"] = gate.check;
  out["command"] = array_of(gate.command, to_value);
  if (gate.window) {
    out["window"] = json::object{{"text", gate.window->text},
                                 {"days", gate.window->days},
                                 {"from_minutes", gate.window->from.count()},
                                 {"to_minutes", gate.window->to.count()},
                                 {"zone", gate.window->zone}};
  } else {
    out["window"] = nullptr;
  }
  return out;
}

Gate gate_from_json(const json::value& value) {
  const auto& from = value.as_object();
  Gate out;
  out.approve = from.at("approve").as_bool();
  if (!from.at("wait_seconds").is_null()) {
    out.wait = std::chrono::seconds(json::value_to<std::int64_t>(from.at("wait_seconds")));
  }
  out.check = text(from, "check");
  out.command = vector_of<std::string>(from.at("command"), to_text);
  if (const auto* window = from.at("window").if_object()) {
    out.window = Window{text(*window, "text"), json::value_to<unsigned>(window->at("days")),
                        std::chrono::minutes(json::value_to<int>(window->at("from_minutes"))),
                        std::chrono::minutes(json::value_to<int>(window->at("to_minutes"))), text(*window, "zone")};
  }
  return out;
}

json::object split_to_json(const PhasedPlan& plan) {
  json::object phases;
  for (const Phase phase : k_phases) {
    phases[to_string(phase)] =
        json::object{{"gate", gate_to_json(plan[phase].gate)}, {"steps", array_of(plan[phase].steps, step_to_json)}};
  }
  return {{"format", k_split_format},
          {"id", plan.id.value},
          {"description", plan.description},
          {"requires", array_of(plan.requires_plans, [](const PlanId& id) { return json::string(id.value); })},
          {"phases", phases}};
}

PhasedPlan plan_from_json(const json::object& from) {
  PhasedPlan out;
  out.id = {text(from, "id")};
  out.description = text(from, "description");
  out.requires_plans =
      vector_of<PlanId>(from.at("requires"), [](const json::value& id) { return PlanId{to_text(id)}; });
  for (const Phase phase : k_phases) {
    const auto& steps = from.at("phases").at(to_string(phase));
    out[phase].gate = gate_from_json(steps.at("gate"));
    out[phase].steps = vector_of<Step>(steps.at("steps"), step_from_json);
  }
  out.text = text(from, "text");
  out.text_sha256 = text(from, "text_sha256");
  out.split_sha256 = text(from, "split_sha256");
  return out;
}

}  // namespace

json::value to_json(const PhasedPlan& plan) {
  json::object out = split_to_json(plan);
  out["text"] = plan.text;
  out["text_sha256"] = plan.text_sha256;
  out["split_sha256"] = plan.split_sha256;
  return out;
}

Result<PhasedPlan> phased_plan_from_json(const json::value& value) {
  try {
    const auto& from = value.as_object();
    const int format = json::value_to<int>(from.at("format"));
    if (format > k_split_format) {
      return make_error(Errc::refused,
                        fmt::format("the plan was split by a newer pgphase: its format is {}, this version knows {}",
                                    format, k_split_format),
                        "nothing was changed; use the newer pgphase");
    }
    return plan_from_json(from);
  } catch (const std::exception& error) {
    return make_error(Errc::bug, fmt::format("the kept split of a plan cannot be read: {}", error.what()),
                      "nothing was changed; the ledger's row may have been edited by hand");
  }
}

std::string split_hash(const PhasedPlan& plan) {
  PhasedPlan placeless = plan;
  for (auto& phase : placeless.phases) {
    for (auto& step : phase.steps) step.line = 0;
  }
  return sha256_hex(json::serialize(split_to_json(placeless)));
}

}  // namespace pgphase
