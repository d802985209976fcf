locals {
  trestle_folder = "${path.module}/../.."

  # The command that builds the packages. A separate project uses the build.py that belongs to this
  # module.
  build_command = (abspath(var.project) == abspath(local.trestle_folder) ? "python build.py" :
    "python ${abspath(local.trestle_folder)}/build.py --project ${abspath(var.project)}"
  )

  # Names of files and folders that are not sources. tools/sources.py has the same rule.
  ignored_files_pattern = join("|", [
    "(?i)(?:^|/)(?:[.#][^/]*",
    "[^/]*(?:~|[.](?:bak|crdownload|orig|part|partial|rej|sw[a-p]|te?mp))",
    "__pycache__|thumbs[.]db|desktop[.]ini)(?:/|$)",
  ])

  # The digests of the files that packages are built from, by path. The pattern excludes the broken
  # links that editors create, at which fileset() fails.
  inputs = merge(
    { for file in fileset("${local.trestle_folder}/lambda_src", "**/[^.#]*.py") :
      "lambda_src/${file}" => filesha256("${local.trestle_folder}/lambda_src/${file}") if !can(regex(local.ignored_files_pattern, file))
    },
    { for file in setunion(fileset("${var.project}/app", "**/[^.#]*.py"), fileset("${var.project}/app", "requirements.txt")) :
      "app/${file}" => filesha256("${var.project}/app/${file}") if !can(regex(local.ignored_files_pattern, file))
    },
    { for file in fileset(local.trestle_folder, "requirements/authorizer.txt") : file => filesha256("${local.trestle_folder}/${file}") },
    { for file in fileset("${var.project}/schemas", "[^.#]*.json") :
      "schemas/${file}" => filesha256("${var.project}/schemas/${file}") if !can(regex(local.ignored_files_pattern, file))
    },
  )
  built_inputs = try(local.manifest.inputs, {})
  changed_inputs = sort([for file in setunion(keys(local.inputs), keys(local.built_inputs)) :
    file if lookup(local.inputs, file, "") != lookup(local.built_inputs, file, "")
  ])
}

# Stop a plan if packages are missing or out of date, if schemas have faults, or if Lambda would
# reject settings. These are preconditions because a destroy also runs validations, and needs none
# of these checks.
resource "terraform_data" "build" {
  lifecycle {
    precondition {
      condition = data.aws_region.current.id == var.region
      error_message = join(" ", [
        "region is \"${var.region}\", but the AWS provider of this module uses ${data.aws_region.current.id}. Write region =",
        "\"${data.aws_region.current.id}\", or pass a provider for ${var.region}: providers = { aws = aws.NAME }.",
      ])
    }

    precondition {
      condition     = local.manifest != null
      error_message = "Lambda packages are missing: run `${local.build_command}` first."
    }

    # A manifest of an earlier version may lack a package.
    precondition {
      condition = (
        local.manifest == null ||
        length(local.own_code_faults) > 0 ||
        alltrue([for zip in concat(values(local.zips), values(local.own_functions)[*].zip, values(local.authorizer)[*].zip) :
          try(contains(keys(local.manifest.functions), zip), false)
        ])
      )
      error_message = "Some Lambda packages are missing: run `${local.build_command}`."
    }

    # This is the emulator's account number. No AWS account has it.
    precondition {
      condition     = try(local.manifest.platform, null) != "laptop" || data.aws_caller_identity.current.account_id == "000000000000"
      error_message = "The Lambda packages were built for `local.py up`, with libraries for this machine. Run `${local.build_command}`."
    }

    # On a laptop, the authorizer uses the libraries in .venv.
    precondition {
      condition = (
        local.manifest == null || length(local.faults) > 0 || length(local.authorizer) == 0 ||
        try(local.manifest.authorizer, null) == "lambda" || data.aws_caller_identity.current.account_id == "000000000000"
      )
      error_message = join(" ", [
        "dist/authorizer.zip lacks the libraries that jwt needs in Lambda. Run `${local.build_command} --authorizer`. The option is not",
        "necessary if a var-file in environments/ sets jwt = { ... }.",
      ])
    }

    precondition {
      condition     = length(local.faults) == 0
      error_message = join("\n", local.faults)
    }

    precondition {
      condition = local.manifest == null || length(local.faults) > 0 || length(local.changed_inputs) == 0
      error_message = join("", [
        "The Lambda packages are out of date: ${try(local.changed_inputs[0], "")} ",
        length(local.changed_inputs) == 1 ? "has" : "and ${length(local.changed_inputs) - 1} more have",
        " changed since the build. Run `${local.build_command}`."
      ])
    }

    # The manifest's facts about app/ are valid only if the packages are up to date.
    precondition {
      condition     = local.manifest == null || length(local.changed_inputs) > 0 || length(local.own_code_faults) == 0
      error_message = join("\n", local.own_code_faults)
    }

    precondition {
      condition     = length(local.environment_faults) == 0
      error_message = join("\n", local.environment_faults)
    }

    precondition {
      condition = local.live_file == null || local.live_file_is_valid
      error_message = join(" ", [
        "environments/${var.environment}.live.json does not name the live versions. Restore it from version control, or delete it to use",
        "the newest versions.",
      ])
    }
  }
}
