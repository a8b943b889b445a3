#include "plans/translate/one_by_one.hpp"

#include <algorithm>

#include "plans/sql/deparse.hpp"

namespace pgphase::translate {
namespace {

namespace json = boost::json;

bool drops(const json::object& command) {
  const auto subtype = tree::text(command, "subtype");
  return subtype == "AT_DropColumn" || subtype == "AT_DropConstraint";
}

// The column or constraint that a command makes.
std::string_view made_by(const json::object& command) {
  const auto* definition = command.if_contains("def");
  if (!definition) return {};
  if (tree::text(command, "subtype") == "AT_AddColumn") return tree::text(tree::body_of(*definition), "colname");
  if (tree::text(command, "subtype") == "AT_AddConstraint") return tree::text(tree::body_of(*definition), "conname");
  return {};
}

bool drops_and_makes(const json::array& commands) {
  return std::any_of(commands.begin(), commands.end(), [&](const json::value& dropping) {
    const auto& one = tree::body_of(dropping);
    return drops(one) && std::any_of(commands.begin(), commands.end(), [&](const json::value& making) {
             return made_by(tree::body_of(making)) == tree::text(one, "name");
           });
  });
}

}  // namespace

json::object with_command(const tree::RawStatement& alter, const json::object& command) {
  json::object one;
  // There may be thousands of others, each of which comes here.
  for (const auto& [key, value] : alter.node) {
    if (key != "cmds") one[key] = value;
  }
  one["cmds"] = json::array{json::object{{"AlterTableCmd", command}}};
  return one;
}

std::optional<std::string> alone(const tree::RawStatement& alter, const json::object& command) {
  if (tree::list(alter.node, "cmds").size() == 1) return alter.text;
  return tree::deparse(alter.tag, with_command(alter, command));
}

std::vector<tree::RawStatement> one_by_one(const tree::RawStatement& raw) {
  const auto& commands = tree::list(raw.node, "cmds");
  if (raw.tag != "AlterTableStmt" || !drops_and_makes(commands)) return {raw};
  std::vector<tree::RawStatement> out;
  for (const auto& item : commands) {
    const auto& command = tree::body_of(item);
    const auto text = alone(raw, command);
    if (!text) return {raw};
    out.push_back({*text, raw.character, raw.tag, with_command(raw, command)});
  }
  std::stable_partition(out.begin(), out.end(), [](const tree::RawStatement& one) {
    return drops(tree::body_of(tree::list(one.node, "cmds").front()));
  });
  return out;
}

}  // namespace pgphase::translate
