#include "plans/effects/proves.hpp"

#include "plans/effects/known.hpp"
#include "plans/sql/tree.hpp"

namespace pgphase::effects {

// `c IS NOT NULL`, `c IS DISTINCT FROM NULL`, and conditions joined by AND of which one is. PostgreSQL proves more; what
// it proves beyond is unknown.
std::set<std::string> proves_not_null(const boost::json::value& condition) {
  std::set<std::string> out;
  const auto& body = tree::body_of(condition);
  if (tree::tag_of(condition) == "NullTest" && tree::text(body, "nulltesttype") == "IS_NOT_NULL") {
    const auto& argument = body.at("arg");
    if (tree::tag_of(argument) != "ColumnRef") return out;
    const auto parts = tree::names(tree::body_of(argument).at("fields"));
    if (!parts.empty()) out.insert(parts.back());
  } else if (tree::tag_of(condition) == "A_Expr" && tree::text(body, "kind") == "AEXPR_DISTINCT") {
    // PostgreSQL makes the same test of it.
    const bool null = tree::tag_of(body.at("rexpr")) == "A_Const" && tree::flag(tree::body_of(body.at("rexpr")), "isnull");
    if (!null || tree::tag_of(body.at("lexpr")) != "ColumnRef") return out;
    const auto parts = tree::names(tree::body_of(body.at("lexpr")).at("fields"));
    if (!parts.empty()) out.insert(parts.back());
  } else if (tree::tag_of(condition) == "BoolExpr" && tree::text(body, "boolop") == "AND_EXPR") {
    for (const auto& one : tree::list(body, "args")) out.merge(proves_not_null(one));
  }
  return out;
}

}  // namespace pgphase::effects

namespace pgphase {

std::set<std::string> proves_not_null(std::string_view condition) {
  const auto parsed = tree::parse("SELECT " + std::string(condition));
  if (!parsed || parsed->size() != 1) return {};
  const auto& targets = tree::list(parsed->front().node, "targetList");
  if (targets.empty()) return {};
  const auto& target = tree::body_of(targets[0]);
  return target.contains("val") ? effects::proves_not_null(target.at("val")) : std::set<std::string>{};
}

}  // namespace pgphase
