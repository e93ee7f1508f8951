# bash completion for hink(1)

_hink_options() {
    case "$1" in
        serve) echo "--config --data --listen --admin-listen --accept-metadata-from --help" ;;
        check-config) echo "--help" ;;
        bench) echo "--endpoint --bucket --size --concurrency --duration --count --objects
                     --warmup --timeout --threads --reuse --unsigned --access-key --secret-key --region
                     --ca-file --insecure --cleanup --json --help" ;;
        user-create) echo "--domain --id --description --admin --config --data --json --help" ;;
        project-create) echo "--domain --id --description --config --data --json --help" ;;
        domain-create) echo "--id --description --config --data --json --help" ;;
        key-create) echo "--user --project --domain --access-key --secret-key --user-id
                          --project-id --description --config --data --json --help" ;;
        role-list) echo "--user --domain --config --data --json --help" ;;
        role-*) echo "--user --project --domain --config --data --json --help" ;;
        policy-explain) echo "--access-key --user --project --version-id --source-ip --tls --region
                              --policy --owner --config --data --json --help" ;;
        key-list) echo "--user --domain --config --data --json --help" ;;
        check) echo "--repair --no-blocks --config --data --json --help" ;;
        drive-add) echo "--media --config --data --json --help" ;;
        drive-drain) echo "--wait --stop --config --data --json --help" ;;
        drive-replace | scrub-start) echo "--wait --config --data --json --help" ;;
        drive-remove) echo "--lose-data --config --data --json --help" ;;
        drive-* | scrub-* | status) echo "--config --data --json --help" ;;
        user-* | project-*) echo "--domain --config --data --json --help" ;;
        domain-* | key-*) echo "--config --data --json --help" ;;
    esac
}

_hink() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local command=${COMP_WORDS[1]} what
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        COMPREPLY=($(compgen -W "serve check-config user project domain key role policy status
                                 drive scrub check bench help --help --version" -- "$cur"))
        return
    fi
    case "$prev" in
        --config | --ca-file | --policy) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --media) COMPREPLY=($(compgen -W "hdd ssd" -- "$cur")); return ;;
        --data) COMPREPLY=($(compgen -d -- "$cur")); return ;;
    esac
    case "$command" in
        check)
            if [[ $cur != -* ]]; then
                COMPREPLY=($(compgen -d -- "$cur"))
                return
            fi
            ;;
        check-config)
            if [[ $cur != -* ]]; then
                COMPREPLY=($(compgen -f -- "$cur"))
                return
            fi
            ;;
        help)
            COMPREPLY=($(compgen -W "serve check-config user project domain key role policy status
                                 drive scrub check bench" -- "$cur"))
            return
            ;;
        user | project | domain | key)
            if ((COMP_CWORD == 2)); then
                COMPREPLY=($(compgen -W "create list show delete enable disable --help" -- "$cur"))
                return
            fi
            what=$command-${COMP_WORDS[2]}
            ;;
        role)
            if ((COMP_CWORD == 2)); then
                COMPREPLY=($(compgen -W "grant revoke list --help" -- "$cur"))
                return
            fi
            what=$command-${COMP_WORDS[2]}
            ;;
        policy)
            if ((COMP_CWORD == 2)); then
                COMPREPLY=($(compgen -W "explain --help" -- "$cur"))
                return
            fi
            what=$command-${COMP_WORDS[2]}
            ;;
        drive)
            if ((COMP_CWORD == 2)); then
                COMPREPLY=($(compgen -W "list add drain replace remove --help" -- "$cur"))
                return
            fi
            what=$command-${COMP_WORDS[2]}
            if [[ ${COMP_WORDS[2]} == @(add|replace) && $cur != -* ]]; then
                COMPREPLY=($(compgen -d -- "$cur"))
                return
            fi
            ;;
        scrub)
            if ((COMP_CWORD == 2)); then
                COMPREPLY=($(compgen -W "start status stop --help" -- "$cur"))
                return
            fi
            what=$command-${COMP_WORDS[2]}
            ;;
        bench)
            if ((COMP_CWORD == 2)); then
                COMPREPLY=($(compgen -W "get put head delete list mixed --help" -- "$cur"))
                return
            fi
            ;;
    esac
    COMPREPLY=($(compgen -W "$(_hink_options "${what:-$command}")" -- "$cur"))
}

complete -o filenames -F _hink hink
