// What the changes have in common whose new columns are kept in step with old ones while the plan is under way: the
// step that adds them, the backfill that fills them, and the end. Private to plans/changes; pure.
#pragma once

#include <string>
#include <vector>

#include "plans/changes/change.hpp"
#include "plans/changes/keys.hpp"

namespace pgphase::linked {

// `null_means` and `on_error` of a change.
void read_manner(TableReader& reader, LinkColumnsBody& body);
void read_null_means(TableReader& reader, LinkColumnsBody& body);
void read_on_error(TableReader& reader, LinkColumnsBody& body);

// `down`: each source column with its expression over the new ones, or the expression alone, of a single source or of
// the first where `first` says so. Only columns of body.sources may be there.
void read_down(TableReader& reader, LinkColumnsBody& body, bool first = false);

// The columns that an expression reads become sources, once each. What pgphase cannot tell the columns of is noted.
void add_sources(TableReader& reader, std::string_view key, const keys::Sql& up, LinkColumnsBody& body);

Step link_step(const std::string& name, const LinkColumnsBody& body);
// `functions`: those that the expressions call.
Step fill_step(const std::string& name, const std::string& link_step, const LinkColumnsBody& body,
               std::vector<std::string> functions);
Step end_step(const std::string& name, const std::string& link_step, const TableName& table,
              std::vector<Assignment> defaults);

}  // namespace pgphase::linked
