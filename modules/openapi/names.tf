# The names of an entity in operations and schemas. The rules are for English. A word that no special rule matches loses a final "s" or
# stays unchanged.
locals {
  name_words = { for name in keys(var.entities) : name => split("-", name) }

  # If two entities' names differ only by hyphens (a-b and ab), underscores join the words, since some generators ignore case.
  names_by_letters = { for name in keys(var.entities) : replace(name, "-", "") => name... }
  plural_names = { for name, words in local.name_words : name =>
    join(length(local.names_by_letters[replace(name, "-", "")]) > 1 ? "_" : "", [for word in words : title(word)])
  }

  # Plural to singular, by the last word. The first pattern that matches the whole word applies.
  singular_rules = [
    ["people", "person"], ["(.*child)ren", "$1"], ["((?:wo)?m)en", "$${1}an"], ["feet", "foot"], ["teeth", "tooth"], ["geese", "goose"], [
      "mice", "mouse"
    ],
    ["(criteri|phenomen)a", "$${1}on"], ["(vert|ind)ices", "$${1}ex"], ["(matr|append)ices", "$${1}ix"],
    # Words that are already singular.
    ["(.*ss|.*(?:s|x|pol)is|iris|tennis|chassis|debris|news|series|species|gas|lens|bias|alias|atlas|canvas|means|[^aeiouy]+)", "$1"],
    ["(menu|guru|emu|tofu|haiku)s", "$1"], ["(.*us)", "$1"],
    ["(.*(?:analy|cri|diagno|oa|synop|the|paraly))ses", "$${1}sis"],
    [join("|", [
      "(.*(?:status|virus|campus|bonus|census|focus|radius|corpus|cactus|syllabus|stimulus|canvas|alias|atlas)",
      "(?:omni|mini)?bus|gas|bias|lens|iris|plus)es",
    ]), "$1"],
    ["(qui)zzes", "$${1}z"],
    [join("|", [
      "(movie|cookie|zombie|calorie|selfie|rookie|hoodie|brownie|genie|smoothie",
      "prairie|freebie|newbie|goalie|sortie|foodie|tie|lie|die|pie)s",
    ]), "$1"],
    ["(.+[^aeiou])ies", "$${1}y"],
    ["(cache|ache|headache|niche|quiche|moustache|avalanche|shoe|toe|canoe|foe|horseshoe)s", "$1"],
    ["(.*(?:x|ch|sh|ss|zz|o))es", "$1"],
    ["(li|wi|kni|housewi|midwi)ves", "$${1}fe"], ["(lea|loa|thie|hal|cal|shel|bookshel|el|sel|wol|scar)ves", "$${1}f"],
    ["(.{2,})s", "$1"],
    ["(.*)", "$1"],
  ]
  singular_forms = { for name, words in local.name_words : name => join("-", concat(slice(words, 0, length(words) - 1), [
    [for rule in local.singular_rules :
      replace(words[length(words) - 1], "/^${rule[0]}$/", rule[1])
    if can(regex("^${rule[0]}$", words[length(words) - 1]))][0]
  ])) }

  # Entities with the same singular, or whose singular is another entity's name, keep their own names.
  names_by_singular = { for name, singular in local.singular_forms : replace(singular, "-", "") => name... }
  singular_names = { for name, singular in local.singular_forms : name => (
    length(local.names_by_singular[replace(singular, "-", "")]) > 1 ||
    contains(setsubtract(keys(local.names_by_letters), [replace(name, "-", "")]), replace(singular, "-", "")) ?
    local.plural_names[name] : join("", [for word in split("-", singular) : title(word)])
  ) }
}
