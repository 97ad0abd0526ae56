//! French.

use super::Key::{self, *};

pub const TEXTS: &[(Key, &str)] = &[
    (Assistances, "Assistances"),
    (Greeting, "Comment pouvons-nous vous aider ?"),
    (OpenTicket, "Votre demande {number}"),
    (FallbackTitle, "Vous pouvez aussi nous joindre ici"),
    (Phone, "Téléphone"),
    (Email, "E-mail"),
    (Website, "Site web"),
    (Fingerprint, "{server} · empreinte {fingerprint}"),
    (Connecting, "Connexion en cours …"),
    (Online, "Connecté"),
    (OnlineStaffed, "Connecté – quelqu'un est là"),
    (Away, "{name} est injoignable pour le moment."),
    (
        AwayKept,
        "{name} est injoignable pour le moment. Votre demande est conservée et sera envoyée dès \
         que la connexion sera rétablie.",
    ),
    (
        AwayStillRing,
        "{name} est injoignable pour le moment. Vous pouvez quand même sonner : votre demande est \
         conservée sur cet ordinateur et envoyée dès que la connexion sera rétablie.",
    ),
    (Dismiss, "D'accord"),
    (
        Untrusted,
        "Ce programme ne fait pas confiance au serveur qu'il a atteint ; rien n'a été envoyé. \
         Demandez une nouvelle copie à la personne qui vous l'a donné.",
    ),
    (FormTitle, "Que pouvons-nous faire pour vous ?"),
    (Group, "Qui doit vous aider ?"),
    (GroupNone, "Je ne sais pas"),
    (GroupHint, "Veuillez choisir"),
    (YourEmail, "Votre adresse e-mail"),
    (EmailHint, "nom@example.com"),
    (Title, "Titre (facultatif)"),
    (TitleHint, "En quelques mots"),
    (Description, "Quel est le problème ?"),
    (DescriptionHint, "Qu'avez-vous fait, que s'est-il passé, qu'attendiez-vous ?"),
    (Facts, "Envoyé avec la demande"),
    (FactsHint, "Décochez ce que vous ne voulez pas envoyer."),
    (FactSystem, "Système"),
    (FactProgram, "Ce programme"),
    (FactComputer, "Nom de l'ordinateur"),
    (Ring, "Sonner"),
    (RingHint, "Ctrl+Entrée sonne, Échap revient en arrière"),
    (Back, "Retour"),
    (Help, "Aide"),
    (Terms, "Conditions"),
    (GroupMissing, "Veuillez choisir qui doit vous aider."),
    (EmailMissing, "Veuillez saisir votre adresse e-mail pour que nous puissions répondre."),
    (EmailWrong, "Cela ne ressemble pas à une adresse e-mail."),
    (EmailLong, "Une adresse e-mail a 254 caractères au plus."),
    (TitleLong, "Un titre a 120 caractères au plus."),
    (TitleControl, "Un titre est une ligne de texte simple."),
    (DescriptionMissing, "Veuillez décrire le problème."),
    (DescriptionLong, "10000 caractères au plus ; veuillez raccourcir le texte."),
    (FieldRefused, "Le serveur n'accepte pas ceci : {reason}"),
    (TicketNumber, "Demande {number}"),
    (TicketKept, "Votre demande est conservée"),
    (
        TicketKeptHint,
        "Elle est enregistrée sur cet ordinateur et sera envoyée une seule fois, dès que la \
         connexion sera rétablie. Vous pouvez fermer cette fenêtre ; tout reprendra à la \
         prochaine ouverture.",
    ),
    (TicketSending, "Ça sonne …"),
    (StateNew, "En attente d'une prise en charge"),
    (StateInProgress, "En cours"),
    (StateAnswered, "Réponse donnée – à vous"),
    (StateClosed, "Fermée"),
    (StateExpired, "Expirée"),
    (StateUnknown, "En route"),
    (Place, "Numéro {place} dans la file"),
    (PlaceFirst, "Vous êtes le prochain"),
    (HelpedBy, "{name} vous aide"),
    (NobodyYet, "Personne ne l'a encore prise"),
    (InGroup, "Groupe : {name}"),
    (
        ExpiresSoon,
        "Cette demande expire dans {minutes} min si personne n'écrit. Écrivez un message si vous \
         avez encore besoin d'aide.",
    ),
    (You, "Vous"),
    (NotSentYet, "conservé, pas encore envoyé"),
    (Write, "Votre message"),
    (WriteHint, "Écrivez un message"),
    (WriteReopens, "Un message rouvre cette demande."),
    (Send, "Envoyer"),
    (SendHint, "Ctrl+Entrée envoie"),
    (MessageLong, "Un message a de 1 à 10000 caractères."),
    (Cancel, "Annuler cette demande"),
    (CancelAsk, "Vous n'avez plus besoin d'aide ?"),
    (CancelYes, "Oui, annuler"),
    (CancelNo, "Non, la garder"),
    (Cancelling, "Annulation …"),
    (NewRequest, "Nouvelle demande"),
    (Paused, "Le service est en pause"),
    (PausedText, "{name} ne prend pas de demandes pour le moment."),
    (Revoked, "Cette copie n'est plus valable"),
    (RevokedText, "Veuillez demander à {name} une nouvelle copie de ce programme."),
    (Disabled, "Pas de demandes ici"),
    (DisabledText, "{name} ne prend pas de demandes par ce programme pour le moment."),
    (WrittenKept, "Ce que vous avez écrit est conservé."),
    (NoManifest, "Il manque à ce programme son profil"),
    (
        NoManifestText,
        "Le fichier deskbell.manifest devrait se trouver à côté de ce programme. Si vous l'avez \
         lancé depuis une archive, décompressez-la d'abord. Si le fichier est ailleurs, \
         déposez-le ici ou indiquez où il se trouve.",
    ),
    (ManifestPath, "Où se trouve le fichier"),
    (ManifestOpen, "Ouvrir"),
    (ManifestDrop, "Déposez deskbell.manifest ici"),
    (TrustTitle, "Faites-vous confiance à ce serveur ?"),
    (
        TrustText,
        "C'est là que vous demanderez de l'aide et que va ce que vous écrivez. Comparez \
         l'empreinte avec celle qui vous a été donnée.",
    ),
    (TrustServer, "Serveur"),
    (TrustYes, "Faire confiance et continuer"),
    (TrustNo, "Non"),
    (
        TrustBefore,
        "Jusqu'ici, ce programme suivait un autre serveur : {name}. Si vous n'en attendiez pas de \
         nouveau, ne lui faites pas confiance et demandez à qui vous a donné le programme.",
    ),
    (
        TrustRemembered,
        "La raison peut être un essai précédent sur cet ordinateur. Ce que le programme a retenu \
         se trouve dans {folder}.",
    ),
    (ManifestUnreadable, "Ce fichier n'est pas un profil, ou il est endommagé."),
    (ManifestSignature, "Ce profil a été modifié après sa signature. Il n'est pas utilisé."),
    (
        ManifestOtherSigner,
        "Ce profil est signé par un autre serveur qu'avant. Il n'est pas utilisé.",
    ),
    (ManifestOlder, "Ce profil est plus ancien que celui en usage. Il n'est pas utilisé."),
    (ManifestNotRead, "Le fichier ne peut pas être lu : {reason}"),
    (LastGoodStays, "Le dernier bon profil reste en usage."),
    (SubmitRefused, "Le serveur n'a pas accepté la demande : {reason}"),
    (
        StorageFull,
        "Rien ne peut être enregistré sur cet ordinateur ({reason}). Libérez de la place et \
         réessayez ; rien n'a été envoyé.",
    ),
    (
        TicketFull,
        "Cette demande n’accepte plus de messages. Ce que vous avez écrit est conservé pour la \
         prochaine.",
    ),
    (TicketGone, "Le serveur ne connaît plus cette demande."),
];
